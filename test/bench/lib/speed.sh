# shellcheck shell=bash
# What the benches of the engine share: the store of the master, pgbench, the peers.

percentile() { # P
    sort -n | awk -v p="$1" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.999); print v[i < 1 ? 1 : i] }'
}

# at_least BENCH MEDIAN LIMIT BAR: the closing line of a bench whose figure is to be large.
at_least() {
    awk -v bench="$1" -v median="$2" -v limit="$3" -v bar="$4" 'BEGIN {
        ok = median >= bar
        ratio = limit > 0 ? median / limit : 0
        printf "{\"bench\":\"%s\",\"median\":%.1f,\"limit\":%.1f,\"ratio\":%.2f,\"bar\":%.1f,\"ok\":%s}\n",
            bench, median, limit, ratio, bar, ok ? "true" : "false"
        exit !ok }'
}

# at_most BENCH MEDIAN LIMIT BAR: the same for one that is to be small.
at_most() { verdict "$@"; }

# figure BENCH SIDE NUMBER NAME VALUE: one JSON line.
figure() { printf '{"bench":"%s","side":"%s","repetition":%d,"%s":%s}\n' "$@"; }

# by_hand SQL-FILE CLIENTS SECONDS [OPTION...]: pgbench on the master's store; transactions per second.
by_hand() {
    local file=$1 clients=$2 seconds=$3
    shift 3
    cp "$BENCH_HOME/sql/$file" "$LAB/$MASTER/root/root/bench.sql"
    in_host "$MASTER" "$(pg_bin)/pgbench" -n -M prepared -h /run/roleswap/store -p "$STORE_PORT" -U roleswap \
        -f /root/bench.sql -c "$clients" -j 2 -T "$seconds" "$@" roleswap 2>>"$LAB/pgbench.log" |
        awk '/^tps/ { print $3 }'
}

# psql_script NODE: standard input, in the store of that node.
psql_script() {
    in_host "$1" "$(pg_bin)/psql" -XAtq -v ON_ERROR_STOP=1 -h /run/roleswap/store -p "$STORE_PORT" -U roleswap -d roleswap
}

# until_none "SQL that says whether something is left": a loop in the server itself.
until_none() {
    psql_script "$MASTER" <<SQL
DO \$\$ BEGIN
    WHILE EXISTS ($1) LOOP
        COMMIT;
        PERFORM pg_sleep(0.005);
    END LOOP;
END \$\$;
SQL
}

# Seconds from a time in microseconds until now, and so many things by that.
per_second() { awk -v n="$1" -v us="$(($(now_us) - $2))" 'BEGIN { printf "%.1f\n", n * 1e6 / us }'; }

# install_peers: graphile-worker and pg-boss, from npm, once; says why not, or nothing.
install_peers() {
    command -v npm >/dev/null || { echo "needs npm"; return; }
    mkdir -p "$BUILD/peers"
    cp "$BENCH_HOME"/peers/* "$BUILD/peers/"
    (cd "$BUILD/peers" && npm install --no-audit --no-fund --omit=optional) >"$BUILD/peers/install.log" 2>&1 ||
        echo "needs the packages of test/bench/peers, see $BUILD/peers/install.log"
}
put_peers() { cp -r "$BUILD/peers" "$LAB/$MASTER/root/opt/peers"; }
peer_url() { echo "postgresql://roleswap@/roleswap?host=/run/roleswap/store&port=$STORE_PORT"; }
peer() { in_host "$MASTER" node "/opt/peers/$1.mjs" "$(peer_url)" "${@:2}"; }
