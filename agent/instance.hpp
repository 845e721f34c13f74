#pragma once
#include "config.hpp"
#include "durable/lock.hpp"
#include "durable/writer.hpp"
#include "event/loop.hpp"
#include "journal.hpp"
#include "pair.hpp"
#include "run/executor.hpp"
#include "runs.hpp"
#include "spool.hpp"

namespace roleswap::agent {

/// Owns all parts of the program, in the order of their making.
class Instance {
public:
    explicit Instance(Config config);
    int run();

private:
    void prepared();
    void deliver();
    void delivered(const std::vector<Key>& all, const std::vector<Key>& kept);
    void tell_systemd() const;
    void leave();

    Config config_;
    durable::FolderLock lock_;
    event::Loop loop_;
    durable::Writer writer_;
    Journal journal_;
    Spool spool_;
    run::Executor executor_;
    Runs runs_;
    Pair pair_;
    bool delivering_ = false; ///< within the present session
    bool leaving_ = false;
    event::Signal terminate_;
    event::Signal interrupt_;
};

} // namespace roleswap::agent
