# shellcheck shell=bash
# The hosts: systemd-nspawn over an overlay of this machine's own root file system, so what
# `scripts/deps` installed is in them.  Everything lives in one tmpfs under $LAB.

declare -A INIT=()   # node -> process id of the host's init, seen from here
declare -A NSPAWN=() # node -> process id of its systemd-nspawn

# Says why the lab cannot run here, or nothing.
lab_impossible() {
    ((EUID == 0)) || { echo "needs root"; return; }
    local tool
    for tool in ip nft systemd-nspawn nsenter jq; do
        command -v "$tool" >/dev/null || { echo "needs $tool"; return; }
    done
    ip netns add "$LAB_ID-try" 2>/dev/null || { echo "needs network namespaces"; return; }
    ip netns del "$LAB_ID-try"
    [[ -n $(cgroup_root) ]] || { echo "needs cgroup v2"; return; }
    unshare -m true 2>/dev/null || echo "needs mount namespaces"
}

# A folder of its own per run, so several labs can stand side by side.
make_lab() {
    # Whatever else this machine does must not look like a dead host.  All that follows inherits it:
    # hosts, clients, and the clusters led by hand alike.
    renice -n -10 $$ >/dev/null
    LAB=$(mktemp -d "${TMPDIR:-/tmp}/roleswap-lab.XXXXXX")
    LAB_ID="rsl${LAB##*.}"
    mount -t tmpfs -o mode=0755,size=3g roleswap-lab "$LAB"
    make_cables
}

# Ends the lab: the processes that this lab started, its mounts, its namespaces.
remove_lab() {
    local node
    rm -rf "$LAB/power" # ends the power strip
    for node in "${HOSTS[@]}"; do halt_host "$node" || true; done
    remove_cables
    for node in "${HOSTS[@]}"; do
        if mountpoint -q "$LAB/$node/root"; then umount -R "$LAB/$node/root" || true; fi
    done
    umount "$LAB" 2>/dev/null || umount -l "$LAB" || true
    rmdir "$LAB" 2>/dev/null || true
}

# make_host NODE BUILD: its disk, with the product put in place by `meson install`.
make_host() {
    local node=$1 build=$2 root=$LAB/$1/root
    mkdir -p "$LAB/$node"/{upper,work,root}
    mount -t overlay roleswap-lab -o \
        "lowerdir=/,upperdir=$LAB/$node/upper,workdir=$LAB/$node/work" "$root"
    DESTDIR=$root meson install -C "$build" --no-rebuild --quiet >"$LAB/$node/install.log" 2>&1 ||
        { cat "$LAB/$node/install.log" >&2; fail "meson install into $node"; }
    : >"$root/etc/machine-id"
    echo "$node" >"$root/etc/hostname"
    printf '127.0.0.1 localhost %s\n' "$node" >"$root/etc/hosts"
    slim_down "$root"
    # The journal must outlive the host: it is what tells why a case failed.
    mkdir -p "$root/var/log/journal"
}

# Takes away every unit of this machine that the pair does not need; the lab must boot in seconds
# and must not run, say, this machine's own cron jobs.
slim_down() {
    local root=$1 unit
    rm -rf "$root"/etc/systemd/system/*.wants "$root/var/lib/roleswap" "$root/etc/roleswap"
    for unit in systemd-logind.service getty.target console-getty.service e2scrub_reap.service \
        systemd-update-utmp.service systemd-update-utmp-runlevel.service remote-fs.target \
        systemd-ask-password-wall.path systemd-ask-password-console.path apt-daily.timer \
 timers.target systemd-journal-catalog-update.service \
        systemd-hwdb-update.service systemd-firstboot.service ldconfig.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
}

# boot NODE: starts it and returns when its multi-user target stands.
boot() {
    local node=$1
    plug_all up "$node"
    power_is_on "$node"
    start_nspawn "$node" &
    NSPAWN[$node]=$!
    wait_for 20 "$node has an init" find_init "$node"
    INIT[$node]=$(find_init "$node")
    save_pids
    wait_for 60 "$node boots" in_host "$node" systemctl is-active multi-user.target
}

# Becomes systemd-nspawn, in a cgroup of its own: two hosts in one would share their units' groups.
start_nspawn() {
    local node=$1 group binds=()
    if [[ -d $LAB/power ]]; then binds=(--bind="$LAB/power:/mnt/power"); fi
    group=$(cgroup_of "$node")
    mkdir -p "$group"
    echo "$BASHPID" >"$group/cgroup.procs"
    exec env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn -q -D "$LAB/$node/root" \
        --register=no --keep-unit --network-namespace-path="/run/netns/$(netns "$node")" \
        "${binds[@]}" -b --console=pipe </dev/null >>"$LAB/$node/console.log" 2>&1
}
cgroup_root() { awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts; }
cgroup_of() { echo "$(cgroup_root)/$LAB_ID-$1"; }

find_init() {
    local pid
    pid=$(pgrep -P "${NSPAWN[$1]}" 2>/dev/null | head -n 1)
    [[ -n $pid && $(cat "/proc/$pid/comm") == systemd ]] && echo "$pid"
}

# Process ids are kept in files too, so that `test/lab/shell` and subshells know them.
save_pids() {
    local node
    for node in "${!INIT[@]}"; do echo "${INIT[$node]} ${NSPAWN[$node]}" >"$LAB/$node/pids"; done
}
load_pids() {
    local node
    INIT=() NSPAWN=()
    for node in "${HOSTS[@]}"; do
        [[ -r $LAB/$node/pids ]] || continue
        read -r "INIT[$node]" "NSPAWN[$node]" <"$LAB/$node/pids"
    done
}

is_up() { [[ -n ${INIT[$1]:-} ]] && kill -0 "${INIT[$1]}" 2>/dev/null; }

# in_host NODE COMMAND...: as root in the running host, with a plain environment.
in_host() {
    local node=$1
    shift
    nsenter -t "${INIT[$node]}" -m -u -i -n -p -C -- env -i PATH="$HOST_PATH" HOME=/root \
        TERM="${TERM:-dumb}" LANG=C.UTF-8 "$@"
}
HOST_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# in_host_as NODE USER COMMAND...
in_host_as() {
    local node=$1 user=$2
    shift 2
    in_host "$node" setpriv --reuid "$user" --regid "$(in_host "$node" id -g "$user")" --init-groups -- "$@"
}

# kill_host NODE: the power goes.  The cables die with it: a host without power answers nothing,
# while the network namespace of a killed container would go on sending resets.
kill_host() {
    local node=$1
    kill -KILL "${INIT[$node]}"
    plug_all down "$node"
    forget_host "$node"
}

# halt_host NODE: at the end of the lab; nothing of it is wanted any more.
halt_host() {
    is_up "$1" || return 0
    kill -KILL "${INIT[$1]}"
    forget_host "$1"
}

forget_host() {
    wait_for 20 "$1 is gone" has_ended "${NSPAWN[$1]}"
    wait "${NSPAWN[$1]}" 2>/dev/null || true
    # Its processes are gone; their groups are empty folders.
    find "$(cgroup_of "$1")" -depth -type d -exec rmdir {} + 2>/dev/null || true
    unset "INIT[$1]" "NSPAWN[$1]"
    rm -f "$LAB/$1/pids"
}
# A zombie counts as ended: its parent, the runner, may be outside of this subshell.
has_ended() {
    [[ ! -e /proc/$1/stat ]] || [[ $(stat_field 3 "/proc/$1/stat") == Z ]]
}
stat_field() { awk -v n="$1" '{ print $n }' "$2"; }

# reboot_host NODE: in order, through systemd, as an administrator does it.  systemd-nspawn ends
# when its host reboots; the next start is ours, as a machine's firmware does it.
reboot_host() {
    local node=$1
    in_host "$node" systemctl --no-block --job-mode=replace-irreversibly start reboot.target
    wait_for 120 "$node goes down" has_ended "${INIT[$node]}"
    plug_all down "$node"
    forget_host "$node"
    boot "$node"
}
