#include "bus/verb.hpp"
#include <algorithm>
#include <array>
#include <cctype>

namespace roleswap::bus {
namespace {

using enum Access;
using enum Place;

constexpr std::array
    table{
        Verb{
            "status", look, local,
            "Both nodes, links, replication, queues, scheduler and tasks at a glance.", "{}",
            R"({"schema":1,"pair","node","at","takeover_delay_ms","nodes":[{"name","reachable","role","dr":BOOL,"mirror"?:{"lag_bytes","lag_ms","streaming","from"},"epoch","mode","in_sync","takeover_hold":BOOL,"since","boot","version","config_digest","store":{"kind","state","position","detail","refused"?,"rejoin"?:{"way","why"},"copy"?:{"done","bytes","bytes_total","bytes_per_second","left_ms"}},"guard":{"state":"armed|disarmed|missing","left_ms","trouble"},"witness"?:{as of witness_status},"fence"?:{as of fence_status},"last_change":{"at","what","why"}}],"links":[{"name","state":"up|down","kind":"udp|serial","interval_ms","rtt_ms","loss_percent","local","remote","in_use","unsteady":BOOL}],"replication":{"state","pending_bytes","pending_requests","link"},"queues":[{"name","held","reason","running","waiting","more":BOOL,"agent"}],"scheduler":{"state":"running|stopped","reason"},"tasks":{"total","enabled","running","next":{"task","due"}},"held":null|{"runs","tasks","released","rate","outage":null|{"from","until"}},"paused":null|{"reason","by","at"},"operation":null|{"id","kind","begun_by","begun_at","owner_node","owner_pid","steps":[{"step","state","at","detail"}]},"drain_timeout_ms","agents":[{as of agent_list}],"history":{"undecided"},"guarantees":[TEXT],"unsafe":[TEXT],"warnings":[TEXT]})"},
        Verb{"node_status", look, local,
             "This node alone, as the peer needs it for its own status.", "{}",
             R"(one entry of status.nodes, and its "links")"},
        Verb{
            "links", look, local, "State, round-trip time and loss of each link.", "{}",
            R"({"links":[{"name","state","kind","interval_ms","rtt_ms","loss_percent","local","remote","in_use","unsteady":BOOL}]})"},
        Verb{"events", look, local, "The newest events of this node, oldest first.",
         R"({"limit"?:1..1000, default 50,"after"?:SEQ})",
         R"({"events":[{"node","seq","at","what","why","level":"info|notice|warning|error"}]})"},
        Verb{"why", look, local,
             "What this node is and waits for now, and what its newest decisions, or that of one "
             "event, "
             "were made on.",
             R"({"event"?:SEQ})",
             R"({"node","at","now", without event:{as evidence,"waits":TEXT},"decisions":[{as in events,"evidence":null|{"role","role_ms","rule":null|{"from","event","to","why"},"record":{"epoch","round","mode","master"},"in_sync":BOOL,"hold":BOOL,"suspended":BOOL,"store","position","peer"?:{"heard_ms","silence_ms","answer_ms","role","record","store","position","leaving":BOOL,"hold":BOOL},"lease"?:{"age_ms","suspend_ms","decide_ms","claim_ms"},"promise_ms"?,"probe"?:{"asked":BOOL,"answered":BOOL,"reached":BOOL,"misses","was_cut_off":BOOL},"witness"?:{"answer":"not asked|asked|granted|refused|unreachable|wiped","holds"?:{"epoch","round","master"}},"fence"?:"not asked|asked|confirmed|failed","guard"?:{"ready":BOOL,"fired":BOOL,"deadline_ms"},"thirds"?:[{"name","heard_ms":null|N,"silence_ms","role","record","store","position","leaving":BOOL}], on a node of the pair the dr node, there both others,"links":[{"node","name","state","heard_ms"}],"settings":[{"setting","value","effect"}]},"before":[as in events]}]})"},
        Verb{
            "check", look, local, "Whether a swap would succeed now, without acting.", "{}",
            R"({"ready":BOOL,"checks":[{"id","node","ok":BOOL,"level":"fail|warn","value","limit","fix"}]})"},
        Verb{"pending", look, master, "What the standby does not hold yet.", "{}",
             R"({"bytes":N|null,"requests":N,"follows":BOOL,"state":TEXT})"},
        Verb{"hand_over", act, master,
             "Give the role to the peer; answers when the peer is master.", R"({"operation"?:ID})",
             R"({"epoch":N,"master":NODE,"took_ms":N})"},
        Verb{"activate", act, local, "Make this standby the master without the master's help.",
             R"({"force"?:BOOL,"reason"?:TEXT, required with force})", R"({"epoch":N})"},
        Verb{
            "activate_check", look, local, "What activate would do now, without acting.",
            R"({"force"?:BOOL})",
            R"({"would":"activate|nothing|refuse","why":TEXT,"epoch":N,"evidence":[TEXT],"now":{as evidence of why}})"},
        Verb{
            "witness_status", look, local, "The witness, looked at now.", "{}",
            R"({"health":"well|lost|wiped|split","why","agrees":BOOL,"timeout_ms","register":null|{"epoch","round","master"},"endpoints":[{"url","up":BOOL,"why","latency_ms","version","register"}],"last":null|{"answer":"granted|refused|unreachable|wiped","why","took_ms"}})"},
        Verb{"witness_init", act, master,
             "Make the register of the witness from the present epoch.",
             R"({"force"?:BOOL, default false: refused where there is one})",
             R"({as of witness_status, "replaced":null|{"epoch","round","master"}})"},
        Verb{"rejoin", act, local, "Make this node the standby of the present master.", "{}",
             R"({"state":TEXT})"},
        Verb{"takeover_hold", act, local, "Forbid this node to take over by itself.",
             R"({"reason"?:TEXT})", "{}"},
        Verb{"takeover_release", act, local, "Allow this node to take over by itself again.", "{}",
             "{}"},
        Verb{
            "fence_status", look, local, "The device that switches the other node off.", "{}",
            R"({"kind":"none|agent|serial|meatware","device","peer":NODE,"state":"idle|fencing|waiting for a human","attempt":N,"step":TEXT,"look":null|{"power":"on|off|unknown|no answer","why","age_ms"},"last":null|{"result":"confirmed|failed","why","steps":[TEXT],"took_ms","age_ms"},"delay_ms","timeout_ms"})"},
        Verb{
            "fence_test", act, local,
            "Ask the device for the power of the other node, or really switch that off.",
            R"({"really"?:BOOL, default false})",
            R"({"device","peer":NODE,"really":BOOL,"ok":BOOL,"why","took_ms","power", of a look,"steps":[TEXT], where it really switched})"},
        Verb{"fence_confirm", act, local,
             "A human says that the node to be switched off is off; refused when none is.",
             R"({"name":NODE, the node that is off})", R"({"peer":NODE})"},
        Verb{
        "task_list", look, master, "All tasks with their state and next due time.", "{}",
        R"({"tasks":[{"name","schedule","after":[TEXT],"queue","enabled":BOOL,"next_due":TIME|null,"last":null|{"run","state","due","ended_at"},"running":N}]})"},
        Verb{
        "task_show", act, master, "One task with all its fields.", R"({"name"})",
        R"({"task":{fields of the task table},"next_due":[TIME],"backups":[NAME],"followers":[NAME], tasks that are after it,"waits_for"?:[{"task","which":"success|failure|any","run":N|null,"state","at"}], where it is after others,"runs":[as in run_list]})"},
        Verb{
        "task_next", look, master,
        "When a task is due next, by the clock of its zone and in UTC, and what hinders it.",
        R"({"name","count"?:1..1000, default 5})",
        R"({"name","schedule","after":[TEXT],"timezone","next":[{"due":TIME,"local":TIME with the offset of the zone,"start"?:TIME, with a jitter}],"why":TEXT, empty when nothing hinders})"},
        Verb{"task_export", act, master, "All tasks as a TOML file that task_apply takes.", "{}",
             R"({"toml":TEXT})"},
        Verb{"task_add", act, master, "Add one task; refused when the name is taken.",
             R"({"task":{"name","schedule","command", ...}})", R"({"name","next_due":TIME|null,"unready"?:[{"node","task","what","value","fix"}]})"},
        Verb{"task_remove", act, master, "Remove a task; its runs stay in the history.",
             R"({"name"})", "{}"},
        Verb{"task_enable", act, master, "Let a task run again.", R"({"name"})",
             R"({"next_due":TIME|null,"unready"?:[as in task_add]})"},
        Verb{"task_disable", act, master, "Keep a task, start no further runs of it.",
             R"({"name"})", "{}"},
        Verb{"task_run", act, master, "Start one run of a task now.", R"({"name"})",
             R"({"id":RUN,"state":TEXT})"},
        Verb{
        "task_apply", act, master,
        "Add and change tasks as a TOML text says; all or nothing.", R"({"toml":TEXT,"dry_run"?:BOOL,"remove_others"?:BOOL, default false: remove the tasks that the text lacks})", R"({"added":[NAME],"changed":[NAME],"removed":[NAME],"same":N,"unready"?:[as in task_add], of a dry run also "others":N, tasks that the text lacks and that stay,"fields":{NAME:[{"field","old","new"}]}})"},
        Verb{
            "run_list", look, master, "The newest runs.", R"({"task"?:NAME,"limit"?:1..1000, default 20,"state"?:"queued|running|ok|failed|timeout|killed|interrupted|skipped|held"})", R"({"runs":[{"id","task","due","priority","state","node","attempt","cause","queue","epoch","started_at","ended_at","duration_ms","exit_code","signal","why"}]})"},
        Verb{
        "run_show", act, master, "One run with the tail of its output and its memory.", R"({"id"})",
        R"({"run":{as in run_list, "output":TEXT,"truncated":BOOL,"memory":null|{as of memory_list},"after":null|[{"task","run","state"}], the ends that brought it,"next":null|[{"run","task","cause","state"}], what it brought and what repeats it}})"},
        Verb{
        "run_output", act, master,
        "What is new of a run, or of the newest run of a task; waits for it up to timeout_ms.",
        R"({"id" or "task","attempt"?:N, that is known,"from"?:N, byte of the output of that,"state"?:TEXT, that is known,"timeout_ms"?:0..60000, default 0})",
        R"({"run":{as in run_list, at least "id","state","attempt"},"over":BOOL,"output":TEXT,"from":N,"next":N, to be asked from,"lost":N, bytes between the two that are kept no more,"bytes":N, of the whole output})"},
        Verb{
            "run_kill", act, master,
            "Kill the processes of a run, all of them; answers when both nodes hold its end.",
            R"({"id","reason"?:TEXT})",
            R"({"id","killed":"running|waiting|asked", the last of its agent,"agent"?:NAME})"},
        Verb{"run_again", act, master,
         "Repeat a run that is over: a new run of its task, with the same payload.", R"({"id"})",
         R"({"id":RUN, the new one,"state":TEXT})"},
        Verb{"queue_list", look, master, "All queues with what runs and waits in them.", "{}",
             R"({"queues":[{"name","held":BOOL,"reason","running","waiting","more":BOOL,"agent":NAME, empty: the master runs its runs}]})"},
        Verb{
            "queue_hold", act, master, "Start nothing more from a queue, or from all.",
            R"({"name" or "all":true,"reason"?:TEXT,"save"?:BOOL, remember which were held before,"operation"?:ID, refused when it is over})",
            R"({"held":[NAME]})"},
        Verb{
            "queue_release", act, master, "Let a queue, or all, go on.",
            R"({"name" or "all":true,"restore"?:BOOL, only those that a saving hold found released,"operation"?:ID})",
            R"({"released":[NAME],"still_held":N})"},
        Verb{"queue_set", act, master, "Limit how many runs of a queue go at once.",
             R"({"name","concurrency":N, 0 = no limit})", R"({"name","concurrency":N})"},
        Verb{"queue_remove", act, master,
             "Remove a queue that no task, agent or run needs any more.", R"({"name"})",
             R"({"name"})"},
        Verb{
            "held_list", look, master, "Runs that are held after an outage, by task and due time.",
            R"({"patterns"?:[TEXT], of names of tasks, default all,"limit"?:1..10000, default 100})",
            R"({"held":[{"id","task","due","queue","priority","held_since","released_at":TIME|null,"why"}],"matching":N,"runs","tasks","released","rate":TEXT|null,"outage":null|{"from","until"}})"},
        Verb{"held_release", act, master,
             "Let held runs start, no faster than the rate; the last rate holds for all that are "
             "released.",
             R"({"patterns":[TEXT] or "all":true,"rate"?:"N/s|N/m|none", default 10/s})",
             R"({"changed":N,"runs","tasks","released","rate","outage"})"},
        Verb{"held_drop", act, master, "Give held runs up: they are skipped.",
             R"({"patterns":[TEXT] or "all":true})", R"({"changed":N, as of held_release})"},
        Verb{"held_keep", act, master,
             "Take released runs back that have not come into their queue yet.",
             R"({"patterns":[TEXT] or "all":true})", R"({"changed":N, as of held_release})"},
        Verb{
            "pause_all", act, master,
            "Make no due runs and start nothing, on no node, until resume_all; refused in a pause.",
            R"({"reason"?:TEXT})", R"({"paused":{"reason","by","at"}})"},
        Verb{"resume_all", act, master,
             "End the pause: queues and scheduler are as they were, due times are made up as after "
             "a stop of the scheduler.",
             "{}", R"({"paused":null})"},
        Verb{"scheduler_stop", act, master, "Make no further due runs.",
             R"({"reason"?:TEXT,"operation"?:ID, refused when it is over})", "{}"},
        Verb{"scheduler_start", act, master,
             "Make due runs again, by the catch-up rule of each task.", R"({"operation"?:ID})",
             "{}"},
        Verb{
            "drain", act, master, "Start nothing and wait until no task process runs.",
            R"({"timeout_ms"?:N,"again_ms"?:N, nothing starts so long after a vain wait,"operation"?:ID, nothing starts before its end})",
            R"({"drained":BOOL,"running":[{"id","task"}]})"},
        Verb{
            "operation_begin", act, master,
            "Open an operation: while its owner lives, its holds and its scheduler stop belong to "
            "it.",
            R"({"kind":"swap|activate|rejoin|drill","owner_pid":PID,"owner_node"?:NAME, default the node that was asked})",
            R"({"id":ID})"},
        Verb{"operation_step", act, master, "Note in the report where an operation is.",
             R"({"id","step":NAME,"state":"start|done|failed|undone","detail"?:TEXT})", "{}"},
        Verb{
            "operation_end", act, master, "Close an operation.",
            R"({"id","result":"done|undone|failed|abandoned","why"?:TEXT,"operation"?:ID, the same, from its owner})",
            R"({"id","result"})"},
        Verb{
            "operation_show", look, master, "The report of an operation, or of the newest.",
            R"({"id"?})",
            R"({"operation":null|{"id","kind","node","owner_pid","begun_by","begun_epoch","hand_over_epoch","started_at","ended_at","result":"open|done|undone|failed|abandoned","why","steps":[{"step","state","at","took_ms","detail"}]}})"},
        Verb{
            "history_list", look, master,
            "What a returning old master had done and the new one did not know.",
            R"({"state"?:"undecided|accepted|dismissed|recorded|all", default undecided,"task"?:NAME,"limit"?:1..10000, default 1000})",
            R"({"history":[{"id","kind":"run|operation|task","node","epoch","task","due","state","found_at","decided_at","decided_by","run_state","ended_at","here":null|{"run","state","node"}}],"undecided":N})"},
        Verb{"history_show", act, master, "One entry of the server history with the whole row.",
             R"({"id"})", R"({"history":{as in history_list, "row":{...}}})"},
        Verb{"history_accept", act, master,
             "Make runs of the server history part of the run table, where none was started here.",
             R"({"id" or "task" or "all":true})", R"({"accepted":[ID],"undecided":N})"},
        Verb{"history_dismiss", act, master, "Leave runs of the server history where they are.",
             R"({"id" or "task" or "all":true})", R"({"dismissed":[ID],"undecided":N})"},
        Verb{
            "history_add", act, master,
            "Take what a returning old master had done; its daemon calls this. Repeating is "
            "harmless.",
            R"({"holder":NODE,"lines":[{"kind","row"}]})",
            R"({"added":N,"undecided":N,"twice"?:N, undecided runs of that node that were run here too})"},
        Verb{
            "memory_begin", token, master,
            "Begin items of a run, in one commit on both nodes with those that are done or failed.",
            R"({"run","token","items":[TEXT], at most 1000, of 1 to 2048 bytes,"in_doubt"?:"redo|skip|hold", default hold,"done"?:[TEXT],"failed"?:[TEXT]})",
            R"({"states":["begun|done|skipped|in doubt"]})"},
        Verb{"memory_done", token, master, "Note that items of a run are done, or have failed.",
             R"({"run","token","items":[TEXT],"failed"?:BOOL})", R"({"states":["done|failed"]})"},
        Verb{"memory_seen", token, master, "How far items of a run are.",
             R"({"run","token","items":[TEXT]})",
             R"({"states":["never|begun|done|failed|skipped|in doubt"]})"},
        Verb{"memory_get", token, master, "A value that the run keeps.", R"({"run","token","key"})",
             R"({"value":TEXT|null})"},
        Verb{"memory_set", token, master, "Keep a value for further attempts; null takes it away.",
             R"({"run","token","key", 1 to 256 bytes,"value"?:TEXT|null, at most 65536 bytes})",
             "{}"},
        Verb{
            "memory_list", token, master, "What a run remembers, for the run itself.",
            R"({"run","token","state"?:"begun|done|failed|skipped|in doubt|doubtful","limit"?:1..100000, default 1000})",
            R"({"run","items":[{"item","state","attempt","node","doubts","begun_at","done_at"}],"values":[{"key","value"}],"memory":null|{"items","done","begun","in_doubt","failed","skipped","repeated","values","doubtful":[{as in items}]}})"},
        Verb{
            "memory_show", act, master, "What a run remembers, for operators.",
            R"({"id","state"?:"begun|done|failed|skipped|in doubt|doubtful","limit"?:1..100000, default 1000})",
            R"({as of memory_list})"},
        Verb{"memory_resolve", act, master,
             "Decide of an item that is in doubt, skipped or failed.",
             R"({"id","item","decision":"done|redo"})", R"({"decision"})"},
        Verb{"agent_add", act, master,
             "Add an agent: a host beside the pair that runs the runs of its queues.",
             R"({"name", no node's,"verifier":TEXT, of its token,"queues"?:[NAME], default one of its own name})",
             R"({"name","queues":[NAME]})"},
        Verb{"agent_list", look, master, "All agents: which are connected, and what they run.", "{}",
             R"({"agents":[{"name","state":"connected|missing|away","since":TIME|null,"address","version","queues":[NAME],"running":N,"added_at","added_by","token_at"}]})"},
        Verb{"agent_token", act, master,
             "Give an agent a new token; its session with the old one ends.",
             R"({"name","verifier":TEXT})", R"({"name"})"},
        Verb{"agent_remove", act, master,
             "Remove an agent; its queues are held. Refused while runs are open, unless told how.",
             R"({"name","runs"?:"interrupt|rerun", what becomes of those it has})",
             R"({"name","runs":[RUN],"held":[QUEUE]})"},
        Verb{"join_password", act, master,
             "Set the admin password for roleswap join: what the store keeps of it, and the pair "
             "key "
             "sealed with it.",
             R"({"verifier":TEXT, as in pg_authid,"sealed_key":TEXT})", "{}"},
    };

} // namespace

std::span<const Verb> verbs()
{
    return table;
}

const Verb* find_verb(std::string_view name)
{
    const auto* found = std::ranges::find(table, name, &Verb::name);
    return found == table.end() ? nullptr : &*found;
}

std::string method_name(const Verb& verb)
{
    std::string name;
    bool upper = true;
    for (const char letter : verb.name) {
        if (letter != '_')
            name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(letter)))
                          : letter;
        upper = letter == '_';
    }
    return name;
}

} // namespace roleswap::bus
