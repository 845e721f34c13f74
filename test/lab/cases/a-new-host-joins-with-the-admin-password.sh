# shellcheck shell=bash
# The standby is a new host, with nothing but the package: it fetches configuration and key from the
# master.  A wrong password and another pair are refused, change nothing, and the master tells.
leader=$(master)
standby=$(peer_of "$leader")
at=$(address "$leader" lana)
files=$LAB/$standby/root/etc/roleswap
echo 'correct horse battery' | tee "$LAB/$leader/root/password" >"$LAB/$standby/root/password"
echo 'correct horse batterz' >"$LAB/$standby/root/wrong"
rs "$leader" password set --password-file /password >/dev/null
in_host "$standby" systemctl stop roleswapd
forget_node "$standby"
in_host "$standby" rm -r /etc/roleswap
refused() { # CODE SAYS WORD...
    local code=0 said
    said=$(rs "$standby" join "$at" "${@:3}" 2>&1) || code=$?
    expect_equal "$1" "$code" "exit code of join ${*:3} ($said)"
    grep -q "$2" <<<"$said" || fail "join ${*:3} says: $said"
    [[ ! -e $files && ! -e $LAB/$standby/root/var/lib/roleswap/record ]] || fail 'something was changed'
}
refused 5 'does not take this password' --password-file /wrong
wait_for 20 'the master tells' event_says "$leader" join_denied
refused 3 'is pair lab, not other' --password-file /password --pair other
begin=$(now_us)
rs "$standby" join "$at" --password-file /password >&2
say "$standby fetched the files in $((($(now_us) - begin) / 1000)) ms"
for file in roleswap.toml pair.key; do
    cmp "$LAB/$leader/root/etc/roleswap/$file" "$files/$file" || fail "$file is another"
done
expect_equal 600 "$(stat -c %a "$files/pair.key")" 'mode of the key'
in_host "$standby" systemctl start roleswapd
whole 120
rm "$LAB/$leader/root/password" "$LAB/$standby/root/password" "$LAB/$standby/root/wrong"
