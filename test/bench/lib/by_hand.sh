# shellcheck shell=bash
# The limit: two bare PostgreSQL clusters in the same namespaces, on the same file system, with the
# same TLS, SCRAM and WAL settings as the pair, led by the fewest commands that do the job.

declare -A POSTMASTER=() # node -> process id
HAND_PORT=7532

pg_bin() { find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -n 1; }
hand_dir() { echo "$LAB/hand/$1"; }
hand_socket() { echo "$LAB/hand/run-$1"; }

# as_postgres NODE COMMAND...: as the unprivileged user, in the node's network.
as_postgres() { (exec_as_postgres "$@"); }
exec_as_postgres() {
    local node=$1
    shift
    exec ip netns exec "$(netns "$node")" setpriv --reuid postgres --regid postgres --init-groups \
        env -i PATH="$(pg_bin):/usr/bin:/bin" LANG=C.UTF-8 TZ=UTC PGPASSFILE="$LAB/hand/pgpass" "$@"
}

hand_sql() { # NODE SQL
    as_postgres "$1" psql -XAtq -v ON_ERROR_STOP=1 -h "$(hand_socket "$1")" -p "$HAND_PORT" -d postgres \
        -c "$2"
}

make_clusters() {
    install -d -o postgres -g postgres "$LAB/hand" "$(hand_socket left)" "$(hand_socket right)"
    printf '*:*:*:lab:lab-secret\n' >"$LAB/hand/pgpass"
    chown postgres: "$LAB/hand/pgpass"
    chmod 600 "$LAB/hand/pgpass"
    as_postgres left initdb -D "$(hand_dir left)" --wal-segsize=1 -k -U postgres -A trust \
        --no-sync >"$LAB/hand-initdb.log"
    hand_configure left
    start_cluster left
    hand_sql left "create role lab login replication password 'lab-secret'"
    hand_sql left "create schema lab authorization lab"
    hand_sql left "create table lab.written(id bigint primary key)"
    hand_sql left "alter table lab.written owner to lab"
    hand_sql left "select pg_create_physical_replication_slot('right')" >/dev/null
    hand_copy left right
    hand_follow right
    hand_lead left
}

hand_copy() { # FROM TO
    as_postgres "$2" pg_basebackup -D "$(hand_dir "$2")" -h "$(hand_socket "$1")" -p "$HAND_PORT" \
        -U postgres -c fast -X stream
}

# What both roles share.  The keys are those of the pair: see lib/store.
hand_configure() {
    local dir
    dir=$(hand_dir "$1")
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=by-hand -keyout "$dir/server.key" -out "$dir/server.crt" 2>/dev/null
    chown postgres: "$dir"/server.*
    chmod 600 "$dir/server.key"
    cat >>"$dir/postgresql.conf" <<CONF
listen_addresses = '*'
port = $HAND_PORT
ssl = on
hot_standby = on
wal_retrieve_retry_interval = 10ms
logging_collector = off
include 'role.conf'
CONF
    printf 'local all all trust\nlocal replication all trust\nhostssl all all all scram-sha-256\nhostssl replication all all scram-sha-256\n' \
        >"$dir/pg_hba.conf"
    as_postgres "$1" touch "$dir/role.conf"
}

role_conf() { # NODE SETTING...
    local node=$1
    shift
    printf '%s\n' "$@" "unix_socket_directories = '$(hand_socket "$node")'" >"$(hand_dir "$node")/role.conf"
}

start_cluster() {
    local node=$1 dir
    dir=$(hand_dir "$node")
    [[ -s $dir/role.conf ]] || role_conf "$node"
    exec_as_postgres "$node" postgres -D "$dir" >>"$LAB/hand-$node.log" 2>&1 &
    POSTMASTER[$node]=$!
    wait_for 30 "the cluster on $node answers" hand_sql "$node" "select 1"
}

# hand_lead NODE: commits wait for the peer, which streams already, from now on.
hand_lead() {
    role_conf "$1" "synchronous_standby_names = '$(peer_of "$1")'"
    hand_sql "$1" "select pg_reload_conf()" >/dev/null
    wait_for 30 "commits on $1 wait for its peer" hand_sees "$1" sync
}

# hand_follow NODE: starts it as standby of its peer and waits until it streams.
hand_follow() {
    local node=$1 peer slot
    peer=$(peer_of "$node")
    slot="select pg_create_physical_replication_slot('$node')
          where not exists (select from pg_replication_slots where slot_name = '$node')"
    hand_sql "$peer" "$slot" >/dev/null
    as_postgres "$node" touch "$(hand_dir "$node")/standby.signal"
    role_conf "$node" "primary_slot_name = '$node'" "primary_conninfo = '$(hand_links "$node" lana cross lanb)'"
    start_cluster "$node"
    wait_for 30 "$node streams" hand_sees "$peer" .
}

hand_links() { # NODE LINK...: conninfo to the peer of NODE, best link first
    local node=$1 peer hosts=() link
    peer=$(peer_of "$1")
    shift
    for link in "$@"; do hosts+=("$(address "$peer" "$link")"); done
    local IFS=,
    echo "host=${hosts[*]} port=$HAND_PORT user=lab application_name=$node sslmode=require connect_timeout=2"
}

hand_sees() { # NODE PATTERN: a standby streams from it whose sync_state matches
    hand_sql "$1" "select sync_state from pg_stat_replication where state = 'streaming'" | grep -q "$2"
}

# hand_promote NODE: what `pg_ctl promote` does, without the process.
hand_promote() {
    : >"$(hand_dir "$1")/promote"
    kill -USR1 "${POSTMASTER[$1]}"
}

# hand_swap FROM TO: checkpoint, fast stop, promote.  The checkpoint is no part of the gap.
hand_swap() {
    hand_sql "$1" checkpoint
    kill -INT "${POSTMASTER[$1]}"
    wait "${POSTMASTER[$1]}" || true
    hand_promote "$2"
}

# hand_crash FROM TO: kill -9 of the whole store, detected at once, promote.
hand_crash() {
    mapfile -t children < <(pgrep -P "${POSTMASTER[$1]}")
    kill -KILL "${POSTMASTER[$1]}" "${children[@]}"
    hand_promote "$2"
    wait "${POSTMASTER[$1]}" 2>/dev/null || true
}

# hand_back OLD NEW: both well again, as standby and primary; not measured.
hand_back() {
    local old=$1 new=$2
    hand_sql "$new" checkpoint
    # After a crash a fresh copy is simplest; nobody waits for it here.
    if [[ -e $(hand_dir "$old")/postmaster.pid ]]; then
        rm -rf "$(hand_dir "$old")"
        hand_copy "$new" "$old"
    fi
    hand_follow "$old"
    hand_lead "$new"
}

stop_clusters() {
    local node
    for node in "${!POSTMASTER[@]}"; do
        kill -QUIT "${POSTMASTER[$node]}" 2>/dev/null || continue
        wait "${POSTMASTER[$node]}" 2>/dev/null || true
    done
    POSTMASTER=()
}

# hand_writer_target NODE LINK: conninfo of the writer.
hand_writer_target() {
    echo "host=$(address "$1" "$2") port=$HAND_PORT user=lab password=lab-secret dbname=postgres" \
        "sslmode=require channel_binding=require"
}

# hand_move_link LEADER STANDBY: LAN A dies, and whoever leads by hand knows it at once: the standby
# is told another order of addresses, the walsender that sits on the dead link is ended.
hand_move_link() {
    unplug lana "$1"
    role_conf "$2" "primary_slot_name = '$2'" "primary_conninfo = '$(hand_links "$2" cross lanb lana)'"
    hand_sql "$2" "select pg_reload_conf()" >/dev/null
    hand_sql "$1" "select pg_terminate_backend(pid) from pg_stat_replication" >/dev/null
}
# hand_home LEADER STANDBY: back on LAN A.
hand_home() {
    role_conf "$2" "primary_slot_name = '$2'" "primary_conninfo = '$(hand_links "$2" lana cross lanb)'"
    hand_sql "$2" "select pg_reload_conf()" >/dev/null
    wait_for 30 "$2 streams over LAN A" hand_streams_over "$1" "$(address "$2" lana)"
}
hand_streams_over() {
    [[ $(hand_sql "$1" "select host(client_addr) from pg_stat_replication where state = 'streaming'") == "$2" ]]
}
