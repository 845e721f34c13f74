# shellcheck shell=bash
# The control socket is open to all; what changes something may look but not act the group roleswap.  Any
# program that talks D-Bus sees the same: busctl finds each method of the manual, and only those.
leader=$(master)
in_host "$leader" id -u nobody >/dev/null
in_host_as "$leader" nobody roleswap status >/dev/null || fail 'nobody may not look'
code=0
said=$(in_host_as "$leader" nobody roleswap hand-over 2>&1) || code=$?
expect_equal 5 "$code" "exit code of a hand-over by nobody ($said)"
code=0
said=$(in_host_as "$leader" nobody roleswap swap 2>&1) || code=$?
expect_equal 5 "$code" "exit code of a swap by nobody ($said)"
expect_equal "$leader" "$(master)" 'the master'

ctl=(busctl --address=unix:path=/run/roleswap/ctl)
in_host_as "$leader" nobody "${ctl[@]}" introspect org.roleswap1 /org/roleswap1 >"$LAB/introspect" ||
    fail 'nobody may not introspect'
# Standard interfaces have methods too; ours follow the line of our interface.
awk '/^[^.]/ { ours = $1 == "org.roleswap1.Manager" } ours && $2 == "method" { print substr($1, 2), $3, $4 }' \
    "$LAB/introspect" | sort >"$LAB/methods"
in_host "$leader" sed -nE 's/^\.It Sy ([A-Za-z]+) Pq [a-z_]+.*(look|act|token).*(local|master)$/\1 s s/p' \
    /usr/share/man/man8/roleswapd.8 | sort >"$LAB/manual"
[[ -s $LAB/manual ]] || fail 'the manual lists no methods'
diff "$LAB/manual" "$LAB/methods" >&2 || fail 'busctl shows other methods than the manual'
for signal in Changed Event; do
    grep -q "^\.$signal  *signal" "$LAB/introspect" || fail "busctl shows no signal $signal"
done
say "$(wc -l <"$LAB/methods") methods, all in the manual"

method=("${ctl[@]}" call org.roleswap1 /org/roleswap1 org.roleswap1.Manager)
said=$(in_host_as "$leader" nobody "${method[@]}" Status s '{}') || fail "Status called by nobody: $said"
grep -q '"schema' <<<"${said//\\/}" || fail "Status called by nobody: $said"
for name in $(in_host "$leader" sed -nE 's/^\.It Sy ([A-Za-z]+) Pq [a-z_]+.* act.*$/\1/p' \
    /usr/share/man/man8/roleswapd.8); do
    if said=$(in_host_as "$leader" nobody "${method[@]}" "$name" s '{}' 2>&1); then
        fail "nobody may call $name"
    fi
    grep -q 'may look but not act' <<<"$said" || fail "$name called by nobody: $said"
done
expect_equal "$leader" "$(master)" 'the master'
# A member of the group may act.
in_host "$leader" setpriv --reuid nobody --regid roleswap --clear-groups -- \
    roleswap queue hold default --reason 'the lab tries' >/dev/null ||
    fail 'the group roleswap may not act'
rs "$leader" queue release default >/dev/null
