#pragma once
#include "base/lsn.hpp"
#include "core/input.hpp"
#include "core/types.hpp"
#include "event/loop.hpp"
#include "store/options.hpp"
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::store {

/// Who owns the store: the daemon.  Called from the loop, never inside a call to the store.
class Handler {
public:
    /// Something is to be told: called before it is taken out, so that an order that is given in
    /// here supersedes it like any other order.
    virtual void on_store_turn() {}
    virtual void on_store(const core::StoreEvent& event) = 0;
    /// For the event log: `what` is a short kebab-case word (rewind-started, base-backup-done,
    /// diverged, disk-full, crashed ...), `why` one sentence with figures.
    virtual void on_store_note(std::string_view what, const std::string& why) = 0;

protected:
    ~Handler() = default;
};

/// The store as people and checks see it; a copy, at most some 100 ms old.
struct Snapshot {
    core::StoreState state = core::StoreState::down;
    pid_t pid = 0;   ///< of the postmaster; 0 = not running
    int version = 0; ///< major, of PostgreSQL; 0 = not known
    std::uint32_t timeline = 0;
    base::Lsn written;      ///< primary: WAL inserted; standby: received
    base::Lsn flushed;      ///< safe on this node's disk
    base::Lsn replayed;     ///< standby only
    bool streaming = false; ///< standby: receives; primary: the peer receives
    std::string link;       ///< name of the link it streams by; empty when unknown
    std::string address;    ///< standby: the peer's address it streams from
    std::string sync_state; ///< primary: of the peer, "sync", "async"; empty = not connected
    base::Lsn peer_flushed; ///< primary: the last that the peer said in this term, or zero
    /// Primary: bytes that the peer has not flushed, as far as it told; empty: it told nothing.
    std::optional<std::uint64_t> pending{};
    std::string detail;   ///< one sentence: what it does now, or what is wrong
    double copy_done = 0; ///< 0 to 1 while a base backup runs
    std::uint64_t copy_bytes = 0;
    std::uint64_t copy_bytes_total = 0;
    double copy_rate = 0;         ///< bytes per second
    double copy_seconds_left = 0; ///< estimate; 0 = not known
    std::string refused{};        ///< why a copy is not begun; empty when it is not refused
    std::string way{};            ///< how it last became standby: streaming, rewind, full copy
    std::string way_why{};        ///< one sentence
};

/// PostgreSQL made, run, promoted and rewound by roleswap.  Each method carries out one effect of
/// core/effect.hpp and is answered by the StoreEvent named there; none blocks, none throws for what
/// the world does.  A newer call supersedes an older one that is not finished, which is then never
/// answered.  Destroying it kills postgres.  Pinned.
class ManagedStore {
public:
    /// Throws std::system_error or std::runtime_error when folders, files or the user are wrong.
    ManagedStore(event::Loop& loop, Options options, Handler& handler);
    ManagedStore(const ManagedStore&) = delete;
    ManagedStore& operator=(const ManagedStore&) = delete;
    ~ManagedStore();

    void follow(core::Epoch epoch);
    void lead(core::Epoch epoch);
    void set_mode(core::Mode mode);
    /// Client sessions are ended, those of the work engine too; they may log in again and read.
    void freeze();
    void thaw();
    void stop();

    /// Live links as indices into Options::links, best first; empty = none is live.  Moves the
    /// replication at once; unchanged orders do nothing.
    void set_link_order(std::vector<std::size_t> order);
    /// What the other node says of its store.  Where that changed this one is looked at soon:
    /// while all is quiet looks are seldom.
    void note_peer(base::Lsn position, core::StoreState state);
    /// Who the other node is from now on: whom freeze() waits for, and of whom the snapshot tells.
    void set_peer(std::string name);

    Snapshot snapshot() const;
    /// For local clients with rights of their own and the work engine: socket folder, port,
    /// dbname=roleswap user=roleswap.
    std::string conninfo() const;
    /// A cluster exists in the data directory (whatever its state).
    bool has_data() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace roleswap::store
