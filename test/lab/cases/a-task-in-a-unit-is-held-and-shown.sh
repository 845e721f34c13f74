# shellcheck shell=bash
# What a task in a transient unit sees and leaves: its sandbox, account, limits, directory, input,
# exit code, figures, fields in the journal.  What cannot be held is refused.  Daemon and guard
# killed at one stroke leave none of its processes, though its keeper stands still.
leader=$(master)
for node in "${NODES[@]}"; do in_host "$node" useradd --system --no-create-home lab-wild 2>/dev/null || true; done
cat >"$LAB/$leader/root/root/held.toml" <<'TOML'
[[task]]
name = "held"
schedule = "@yearly"
catch_up = "none"
command = """
id -nu; id -nG; umask; pwd; cat; ulimit -n; echo $ROLESWAP_TASK $WORD
touch /etc/lab-held 2>&1 | grep -o 'Read-only'; touch /tmp/lab-held
cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '
dd if=/dev/zero of=/var/tmp/lab-held bs=64k count=64 conv=fsync 2>/dev/null
rm /var/tmp/lab-held; exit 3"""
user = "lab-wild"
groups = ["adm", "tape"]
umask = "0027"
directory = "/usr"
input = "from input\n"
environment = { WORD = "word" }
rlimit = { nofile = "321" }
sandbox = { ProtectSystem = "full", PrivateTmp = true, PrivateNetwork = true, NoNewPrivileges = true, SystemCallFilter = "~@clock @module" }
TOML
rs "$leader" apply /root/held.toml >/dev/null
over() { [[ $(rs "$leader" run show "$1" --json | jq -r '.run.state') != @(queued|running) ]]; }
run=$(rs "$leader" task run held --json | jq -r .id)
wait_for 20 'the run ends' over "$run"
rs "$leader" run show "$run" >&2
expect_equal '3 exit code 3' "$(rs "$leader" run show "$run" --json | jq -r '.run | "\(.exit_code) \(.why)"')" 'the end'
said=$(rs "$leader" run show "$run" --json | jq -r .run.output)
for line in lab-wild adm tape 0027 /usr 'from input' 321 'held word' Read-only lo; do
    grep -qw -- "$line" <<<"$said" || fail "the task did not say $line: $said"
done
grep -q 'eth\|lana' <<<"$said" && fail "PrivateNetwork shows the cables: $said"
[[ ! -e $LAB/$leader/root/tmp/lab-held ]] || fail 'PrivateTmp is the /tmp of the host'
rs "$leader" run show "$run" --json |
    jq -e '.run | .cpu_ms >= 0 and .peak_memory_kib > 500 and .written_bytes >= 0 and .read_bytes >= 0' >/dev/null ||
    fail 'figures are missing'
in_journal() {
    in_host "$leader" journalctl -o json "ROLESWAP_RUN=$1" | jq -e --slurp \
        'any(.ROLESWAP_TASK == "held" and .ROLESWAP_ATTEMPT == "1" and (.ROLESWAP_DUE | length) > 18 and .MESSAGE == "from input")' >/dev/null
}
wait_for 10 'the journal has its lines with their fields' in_journal "$run"
rs "$leader" task remove held >/dev/null

# took OPTIONS...: milliseconds from start to end of `true`, median of 20.
took() {
    rs "$leader" task add quick --schedule @yearly --catch-up none "$@" -- true >/dev/null
    for _ in {1..20}; do
        run=$(rs "$leader" task run quick --json | jq -r .id)
        wait_for 20 'the run ends' over "$run"
    done
    sql "$leader" "select round(extract(epoch from percentile_cont(0.5) within group (order by ended_at - started_at)) * 1000, 1)
        from roleswap.run where task = 'quick' and state = 'ok' having count(*) = 20"
    sql "$leader" "delete from roleswap.run where task = 'quick'"
    rs "$leader" task remove quick >/dev/null
}
say "true takes $(took) ms as a plain task, $(took --unit) ms in a unit, $(took --sandbox ProtectSystem=strict --sandbox PrivateTmp=yes) ms in a sandbox"

# refused TEXT OPTIONS...: by task add.
refused() {
    local text=$1 said
    shift
    if said=$(rs "$leader" task add no --schedule @yearly "$@" -- true 2>&1); then fail "taken: $*"; fi
    grep -q -- "$text" <<<"$said" || fail "$* is refused by: $said"
}
refused 'did you mean "ProtectSystem"' --sandbox ProtectSystm=strict
refused 'one of yes no full strict' --sandbox ProtectSystem=maybe
refused 'did you mean "nofile"' --rlimit nofiles=5
in_host "$leader" grep -qw pids /sys/fs/cgroup/cgroup.controllers ||
    refused 'tasks_max: this machine has no cgroup controller "pids"' --tasks-max 50

# A sandbox that systemd cannot make is told as such.
rs "$leader" task add nowhere --schedule @yearly --catch-up none --sandbox ReadOnlyPaths=/no/such/path -- true >/dev/null
run=$(rs "$leader" task run nowhere --json | jq -r .id)
wait_for 20 'the run ends' over "$run"
expect_equal failed "$(rs "$leader" run show "$run" --json | jq -r .run.state)" 'a sandbox of nothing'
[[ $(rs "$leader" run show "$run") == *'view of the file system'* ]] || fail "$(rs "$leader" run show "$run")"
rs "$leader" task remove nowhere >/dev/null

start_alive --unit --user root
keeper=$(in_host "$leader" pgrep -f '^roleswap-keeper$')
in_host "$leader" kill -STOP "$keeper"
in_host "$leader" systemctl kill --signal KILL roleswapd
silent() { [[ -z $(find "$LAB/$leader/root/var/lib/lab" -name 'alive.*' -newermt '-0.3 seconds') ]]; }
wait_for 5 'the task of the killed daemon is dead' silent
whole 60
never_two_work
stop_alive
