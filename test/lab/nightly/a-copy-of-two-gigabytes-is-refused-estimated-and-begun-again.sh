# shellcheck shell=bash
# A store of 2 GB.  Without room its copy is refused before the first byte, with both figures; with
# room the time that is told then, and that is left from a quarter on, is right within 30 %; a host that
# dies when half is copied begins again, and knows from the copy before, too, how long it will take.
# COPY_MIB is the size.
mib=${COPY_MIB:-2000}
leader=$(master)
standby=$(peer_of "$leader")
folder=$LAB/$standby/root/var/lib/roleswap
begin=$(now_us)
sql "$leader" "create table lab.bulk as select repeat(md5(i::text), 32) from generate_series(1, $mib * 1000) i" >/dev/null
whole 120
say "$mib MiB made in $((($(now_us) - begin) / 1000)) ms"
copy_of() { status_of "$standby" '.nodes[] | select(.name == "'"$standby"'") | .store'" | $1"; }
event_text() { # WORD: the newest event of the standby that begins so
    rs "$standby" events -n 40 --json | jq -r '[.. | objects | select(.why? // "" | test("^'"$1"'")) | .why][-1] // ""'
}

in_host "$standby" systemctl stop roleswapd
rm -rf "$folder/store/pg"
room=$(df --output=avail -B1M "$folder" | tail -n 1)
fallocate -l $((room - mib - 40))M "$folder/ballast"
in_host "$standby" systemctl start roleswapd
is_refused() { [[ $(copy_of .refused) == *MiB* ]]; }
wait_for 60 'the copy is refused' is_refused
say "refused: $(copy_of .refused)"
[[ $(copy_of .refused) =~ needs\ ([0-9]+)[.0-9]*\ MiB.*has\ ([0-9]+)[.0-9]*\ MiB\ free ]] || fail 'the figures are not told'
((BASH_REMATCH[1] > mib && BASH_REMATCH[2] < BASH_REMATCH[1])) || fail 'the figures do not fit'
[[ ! -e $folder/store/pg.new ]] || fail 'the copy was begun'

# follow_copy FILE: "moment, done, milliseconds left" as long as it lasts; the last line is its end.
follow_copy() {
    local line seen=no
    : >"$1"
    while :; do
        line=$(copy_of '.copy | if . then "\(.done) \(.left_ms)" else "" end')
        if [[ -n $line ]]; then
            seen=yes
            echo "$(now_us) $line" >>"$1"
        elif [[ $seen == yes ]]; then
            break
        fi
        sleep 0.1
    done
    echo "$(now_us) 1 0" >>"$1"
}
# estimates FILE: how wrong the time left was from a quarter of the copy on, in parts of the real time;
# its first second is slower than the rest.
estimates() {
    awk '{ at[NR] = $1; done[NR] = $2; left[NR] = $3 * 1000 } END {
        total = at[NR] - at[1]
        for (i = 1; i < NR; i++) if (done[i] >= 0.25) {
            wrong = (at[i] + left[i] - at[NR]) / total
            if (!looks || wrong < least) least = wrong
            if (!looks || wrong > most) most = wrong
            looks++
        }
        printf "%.2f %.2f %.1f %d\n", least, most, total / 1e6, looks }' "$1"
}
check_estimates() {
    local least most seconds looks
    cp "$1" "$ARTIFACTS/"
    read -r least most seconds looks < <(estimates "$1")
    say "copied in $seconds s; from a quarter on the end was told between $least and $most of that wrong ($looks looks)"
    ((looks >= 3)) || fail "$looks looks are too few to judge the estimate"
    awk -v a="$least" -v b="$most" 'BEGIN { exit !(a >= -0.3 && b <= 0.3) }' || fail 'the estimate is wrong by more than 30 %'
}
# check_start: what was told before the first byte, against what the copy then took.
check_start() {
    local told took begun ended
    begun=$(event_text base-backup-started)
    ended=$(event_text base-backup-done)
    [[ $begun =~ about\ ([0-9.]+)\ s ]] || fail "the start tells no time: $begun"
    told=${BASH_REMATCH[1]}
    [[ $ended =~ ([0-9.]+)\ s ]] || fail "the end tells no time: $ended"
    took=${BASH_REMATCH[1]}
    say "$begun; it took $took s, $(awk -v a="$told" -v b="$took" 'BEGIN { printf "%+.0f %%", (a / b - 1) * 100 }') told"
    awk -v told="$told" -v took="$took" 'BEGIN { exit !(told >= 0.7 * took - 0.5 && told <= 1.3 * took + 0.5) }' ||
        fail 'that is wrong by more than 30 %'
}
rm "$folder/ballast"
follow_copy "$LAB/copy.first"
whole 120
check_estimates "$LAB/copy.first"
check_start

in_host "$standby" systemctl stop roleswapd
rm -rf "$folder/store/pg"
in_host "$standby" systemctl start --no-block roleswapd
is_half_done() { [[ $(copy_of '(.copy.done // 0) >= 0.5') == true ]]; }
wait_for 120 'half of the copy is done' is_half_done
kill_host "$standby"
[[ -d $folder/store/pg.new && ! -d $folder/store/pg ]] || fail 'half a copy took the place of the store'
say "died when $(du -sm "$folder/store/pg.new" | cut -f 1) MiB were there"
boot "$standby"
follow_copy "$LAB/copy.again"
whole 120
check_estimates "$LAB/copy.again"
check_start
expect_equal 'full copy' "$(copy_of .rejoin.way)" 'way of the rejoin'
is_tidy() { [[ ! -e $folder/store/pg.new && ! -e $folder/store/pg.old ]]; }
wait_for 30 'nothing is left of the first copy' is_tidy
sql "$leader" 'drop table lab.bulk' >/dev/null
