# shellcheck shell=bash
# A capture at every link while tasks run, rows are written and the roles are swapped.
secret=unmistakable-task-name
leader=$(master)
for link in "${LINKS[@]}"; do
    ip netns exec "$(netns left)" tcpdump -q -U -n -i "$link" -s 0 -w "$LAB/$link.pcap" \
        >"$LAB/$link.tcpdump" 2>&1 &
    captures+=($!)
    wait_for 10 "tcpdump listens on $link" grep -q 'listening on' "$LAB/$link.tcpdump"
done
rs "$leader" task add "$secret" --schedule 'every 1s' --command 'echo unmistakable-output' >/dev/null
wait_for 15 'the task runs' ran_once "$secret"
rs right swap >/dev/null 2>&1 || fail 'the swap failed'
whole
rs left task list >/dev/null
rs right task list >/dev/null
writes_again
# Without this replication could sit on one cable the whole time.
unplug lana
writes_again
heal_all
whole
rs right task remove "$secret" >/dev/null
kill -TERM "${captures[@]}"
wait "${captures[@]}" 2>/dev/null || true
for link in "${LINKS[@]}"; do
    bytes=$(stat -c %s "$LAB/$link.pcap")
    ((bytes > 20000)) || fail "only $bytes bytes captured on $link"
    for word in unmistakable 'lab\.written' 'insert into' lab-rerun epoch '"verb"' roleswap.run lab-secret; do
        if grep -aiq "$word" "$LAB/$link.pcap"; then fail "$word is readable on $link"; fi
    done
    say "$link: $bytes bytes, none of them readable"
done
