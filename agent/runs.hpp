#pragma once
#include "config.hpp"
#include "journal.hpp"
#include "pair.hpp"
#include "run/executor.hpp"
#include "spool.hpp"
#include <functional>
#include <map>
#include <vector>

namespace roleswap::agent {

/// The attempts that this agent has: from the moment the pair gave them to it until the pair has
/// their results.  Pinned.
class Runs {
public:
    Runs(run::Executor& executor, Spool& spool, const Config& config, const Journal& journal);
    Runs(const Runs&) = delete;
    Runs& operator=(const Runs&) = delete;

    /// What an earlier process of the agent left: of what had begun and not ended the end is
    /// unknown.  Before anything else; no process of it is alive.
    void adopt(std::vector<Spool::Record> records);
    /// `on_result`: there is something to deliver.
    void begin(std::function<void()> on_result) { on_result_ = std::move(on_result); }
    /// Starts what is new; what is known goes on, or is killed where that is wanted.
    void take(const std::vector<Given>& given, std::uint64_t epoch);
    /// Results that the pair does not have yet, up to a size that goes into one call.
    std::vector<Finished> finished();
    void delivered(const std::vector<Key>& all, const std::vector<Key>& kept);
    /// Nothing is noted any more: what is killed from now on is of unknown end.
    void stop() { stopping_ = true; }
    std::size_t alive() const;

private:
    enum class Phase : std::uint8_t {
        begun, ///< on the disk, or on the way there; then it has a process
        ended, ///< its result waits for the pair
    };
    struct One {
        Phase phase = Phase::begun;
        bool kill = false;   ///< as soon as it has a process
        unsigned offers = 0; ///< so often its result was on the way to the pair
        Given given;
        Spool::Record record;
    };
    void begin_one(const Given& given, std::uint64_t epoch);
    void start(const Key& key, std::uint64_t epoch);
    void ended(const Key& key, const run::RunEnd& end);
    void keep(One& one, nlohmann::json result);
    void cannot_start(const Key& key, const std::string& why);

    run::Executor& executor_;
    Spool& spool_;
    const Config& config_;
    const Journal& journal_;
    std::function<void()> on_result_;
    std::map<Key, One> all_;
    bool stopping_ = false;
};

} // namespace roleswap::agent
