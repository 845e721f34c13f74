# shellcheck shell=bash
# The host of the standby dies in the middle of a full copy: it begins again, and ends well.
# COPY_MIB is the size of the data.  The night compares the estimate, with a larger one.
leader=$(master)
standby=$(peer_of "$leader")
mib=${COPY_MIB:-120}
sql "$leader" "create table lab.bulk as select repeat(md5(i::text), 32) from generate_series(1, $mib * 1000) i" >/dev/null
in_host "$standby" systemctl stop roleswapd
in_host "$standby" rm -rf /var/lib/roleswap/store
folder=$LAB/$standby/root/var/lib/roleswap
in_host "$standby" systemctl start --no-block roleswapd
copies() { [[ -d $folder/store/pg.new/base ]]; }
wait_for 60 'the copy has begun' copies
kill_host "$standby"
[[ ! -d $folder/store/pg ]] || fail 'half a copy took the place of the store'
boot "$standby"
whole 120
expect_equal 'full copy' "$(status_of "$standby" '.nodes[] | select(.name == "'"$standby"'") | .store.rejoin.way')" \
    'way of the rejoin'
is_tidy() { [[ ! -e $folder/store/pg.new && ! -e $folder/store/pg.old ]]; }
wait_for 30 'nothing is left of the first copy' is_tidy
sql "$leader" 'drop table lab.bulk' >/dev/null
