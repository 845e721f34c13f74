#pragma once
#include "core/types.hpp"
#include "run/spec.hpp"
#include "work/model.hpp"
#include "work/writer.hpp"
#include <nlohmann/json.hpp>

/// Between a run of the store and a process tree of the executor, as values.
namespace roleswap::work {

struct Place {
    core::Epoch epoch = 0;
    std::string node;
    std::string task_store;  ///< ROLESWAP_STORE
    std::string task_socket; ///< ROLESWAP_SOCKET
    std::string secret;      ///< of which ROLESWAP_TOKEN is made
    std::string agent{};     ///< ROLESWAP_AGENT; empty: it runs on a node
};

/// How the executor is to start this run; environment as roleswapd(8) promises it to tasks, where
/// what is empty is not there: an agent has no store and no socket for its tasks.
run::RunSpec make_spec(const task::Task& task, const OpenRun& run, const Place& place);

/// What became of an ended attempt: the row that says so, and whether there will be another.
struct AfterEnd {
    nlohmann::json row; ///< columns of Batch::ends
    std::string state;  ///< ok, failed, timeout, killed, interrupted; queued: again
    std::string why;
    std::optional<OpenRun> again; ///< waits for another attempt
};
AfterEnd after_end(const task::Task& task, const OpenRun& run, const run::RunEnd& end,
                   Instant ended);
/// The same where nobody knows how it ended.
AfterEnd after_unknown(const task::Task& task, const OpenRun& run, const run::RunEnd& end,
                       Instant ended);

/// Bytes as the store takes them: valid UTF-8 without null; anything else becomes U+FFFD.
std::string clean_text(std::string_view bytes);

} // namespace roleswap::work
