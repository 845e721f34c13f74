# shellcheck shell=bash
# What a pair may be besides: each kind says what is made before the two nodes are, what their
# configuration has more, who joins besides, and what is done when they are whole.  A case asks for one by a line
# `# lab: KIND`; without it gets a plain pair.

before_plain() { :; }
config_plain() { :; }
join_plain() { :; }
after_plain() { :; }

# kind_of FILE: of a case.
kind_of() {
    local kind
    kind=$(sed -n 's/^# lab: //p' "$1")
    echo "${kind:-plain}"
}

# witness: a real etcd on the third host, on three cables.
WITNESS_PORT=2379
before_witness() {
    command -v etcd >/dev/null || skip 'there is no etcd; scripts/deps --test installs it'
    make_one third "$1"
    write_etcd_config >"$LAB/third/root/etc/default/etcd"
    in_host third systemctl start etcd
}
config_witness() {
    printf '\n[witness]\nendpoints = ["http://%s:%d", "http://%s:%d", "http://%s:%d"]\n' \
        "$(address third lana)" "$WITNESS_PORT" "$(address third west)" "$WITNESS_PORT" \
        "$(address third east)" "$WITNESS_PORT"
}
join_witness() { :; }
after_witness() { rs left witness init >&2; }

# Elections of one member alone are quick; what is measured is the pair.
write_etcd_config() {
    cat <<CONF
ETCD_DATA_DIR=/var/lib/etcd/default
ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:$WITNESS_PORT
ETCD_ADVERTISE_CLIENT_URLS=http://$(address third lana):$WITNESS_PORT
ETCD_HEARTBEAT_INTERVAL=20
ETCD_ELECTION_TIMEOUT=200
CONF
}
witness_is() { # NODE WORD: what that node says of it, for example "well" or "wiped"
    [[ $(rs "$1" witness status --get /health 2>/dev/null) == *"$2"* ]]
}

# fence: a power strip that stands outside of the hosts, and the agent that asks it through a folder.
before_fence() {
    mkdir "$LAB/power"
    power_strip &
}
config_fence() {
    cat <<'CONF'

[fence]
kind = "agent"
command = "/usr/local/bin/lab-power"
delay = "0s"
timeout = "5s"
command_timeout = "2s"
node.left.options = { plug = "left" }
node.right.options = { plug = "right" }
CONF
}
join_fence() { :; }
after_fence() { rs left fence test >&2; }

power_is_on() { if [[ -d $LAB/power ]]; then echo on >"$LAB/power/$1"; fi; }
# power_strip: takes the power from a host when the file HOST.off asks for it, as long as there is one.
power_strip() {
    local node init
    exec {silence}<> <(:)
    while [[ -d $LAB/power ]]; do
        for node in "${NODES[@]}"; do
            [[ -e $LAB/power/$node.off ]] || continue
            if read -r init _ <"$LAB/$node/pids"; then kill -KILL "$init"; fi
            plug_all down "$node"
            echo off >"$LAB/power/$node"
            rm "$LAB/power/$node.off"
        done 2>/dev/null
        read -rt 0.005 -u "$silence" || true
    done
}
write_power_agent() {
    cat >"$1" <<'AGENT'
#!/bin/sh
# A fence agent: options come as lines name=value; off, then status until the plug is off.
# The files PLUG.locked and PLUG.stuck make the strip refuse, or never answer, an off.
action='' plug=''
while IFS='=' read -r name value; do
    case $name in action | plug) eval "$name=\$value" ;; esac
done
case $action in
off)
    if [ -e "/mnt/power/$plug.locked" ]; then
        echo "Failed: the outlet is locked" >&2
        exit 1
    fi
    [ ! -e "/mnt/power/$plug.stuck" ] || exec sleep 600
    : >"/mnt/power/$plug.off"
    while [ -e "/mnt/power/$plug.off" ]; do sleep 0.005; done
    ;;
status) [ "$(cat "/mnt/power/$plug")" = on ] || exit 2 ;;
monitor) [ -e "/mnt/power/$plug" ] ;;
*) exit 1 ;;
esac
AGENT
    chmod 0755 "$1"
}

# outage: what a pair that was off for 20 s would make up is held.
before_outage() { WORK_MORE=$'hold_after_outage = "20s"\nlate_limit = "5s"'; } # of write_config
config_outage() { :; }
join_outage() { :; }
after_outage() { :; }

# external: left has the PostgreSQL cluster that Debian runs, with a database of its own, as its store;
# right has a managed one.
store_version() { basename "$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1 | xargs dirname)"; }
store_unit() { echo "postgresql@$(store_version)-lab.service"; }
before_external() {
    # Debian's clusters have log segments of 16 MB, sixteen times as large, and their mirror has the same.
    STORE_MIB=1500
    LEFT_MORE="store = \"external\"
store_unit = \"$(store_unit)\"
store_port = $STORE_PORT" # of write_config
}
config_external() {
    in_host left pg_createcluster "$(store_version)" lab -p "$STORE_PORT" --start-conf=manual -- --data-checksums >&2
    in_host left systemctl start "$(store_unit)"
    as_postgres -c 'create database shop' -c '\c shop' -c "create table sold as select 'tea' as what" >&2
}
join_external() { :; }
after_external() { :; }
as_postgres() { in_host_as left postgres psql -XAtq -p "$STORE_PORT" "$@"; }
unit_is_down() { ! in_host left systemctl -q is-active "$(store_unit)"; }

# dr: the third host is the dr node, on LAN A.
before_dr() {
    make_one third "$1"
    LANA_MORE=", third = \"$(address third lana)\"" # of write_config
}
config_dr() { printf '\n[[node]]\nname = "third"\nrole = "dr"\n'; }
join_dr() {
    carry_over third
    in_host third roleswap join >&2
    in_host third systemctl enable --now roleswapd
}
after_dr() {
    write_note_program "$LAB/third/root/usr/local/bin/lab-note"
    wait_for 30 'the dr node mirrors' dr_mirrors third "$(master)"
}
# dr_mirrors NODE MASTER: as NODE sees it, the dr node holds all that MASTER has.
dr_mirrors() {
    [[ $(status_of "$1" '.nodes[2].mirror | "\(.from) \(.streaming) \(.lag_bytes)"') == "$2 true 0" ]]
}

# agents: the third and the fourth host are agents, on LAN A, each with a queue of its own name.
AGENTS=(third fourth)
before_agents() {
    local host
    for host in "${AGENTS[@]}"; do make_one "$host" "$1"; done
}
config_agents() { :; }
join_agents() { :; }
after_agents() {
    local host
    for host in "${AGENTS[@]}"; do
        mkdir -p "$LAB/$host/root/etc/roleswap"
        (umask 077 && rs left agent add "$host" >"$LAB/$host/root/etc/roleswap/agent.toml")
        write_job_program "$LAB/$host/root/usr/local/bin/lab-job"
        in_host "$host" systemctl enable --now roleswap-agent
    done
    for host in "${AGENTS[@]}"; do wait_for 15 "agent $host is connected" agent_is "$host" connected; done
}
agent_is() { # AGENT STATE: as the master sees it
    [[ $(rs "$(master)" agent list --json | jq -r --arg name "$1" '.agents[] | select(.name == $name) | .state') == "$2" ]]
}
# lab-job SECONDS: notes its begin and its end on the agent's disk.
write_job_program() {
    cat >"$1" <<'JOB'
#!/bin/sh
mkdir -p /var/lib/lab
echo "begin $ROLESWAP_TASK $ROLESWAP_RUN $ROLESWAP_ATTEMPT $ROLESWAP_EPOCH" >>/var/lib/lab/jobs
sleep "$1"
echo "end $ROLESWAP_TASK $ROLESWAP_RUN $ROLESWAP_ATTEMPT" >>/var/lib/lab/jobs
echo "job $ROLESWAP_RUN of $ROLESWAP_AGENT"
JOB
    chmod 0755 "$1"
}
