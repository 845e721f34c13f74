#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include "run/spawn_helper.hpp"
#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace roleswap::run {

/// Starts the processes of direct runs, one after another and not inside the call that asks for it.
/// Where there is a cgroup, a small process does it (see SpawnHelper): a clone of the daemon, with
/// its memory and descriptors, costs much more.  When that process dies, what it has cloned is
/// known for sure, and the rest is asked of its successor; where it cannot be had, the daemon
/// clones.  Owned by the executor.  Pinned.
class Spawner {
public:
    struct Order {
        const Plan& plan;
        std::string folder; ///< of the cgroup that is to be made for it; empty: with a keeper
    };
    class Asker {
    public:
        /// Its turn; may come again when nothing was cloned.  Empty: it does not want any more.
        virtual std::optional<Order> order() = 0;
        /// A child of this process, not yet waited for.
        virtual void spawned(const Cloned& child) = 0;
        virtual void not_spawned(const std::string& why) = 0;

    protected:
        ~Asker() = default;
    };
    struct Options {
        std::string program;         ///< roleswap-keeper; empty: the daemon clones
        event::Duration patience{0}; ///< a helper that answers nothing for so long is killed
        const std::optional<Cgroup>& task_root;          ///< without it the daemon clones, too
        std::function<void(const std::string&)> on_lost; ///< the helper died; may be empty
    };

    Spawner(event::Loop& loop, Options options);
    Spawner(const Spawner&) = delete;
    Spawner& operator=(const Spawner&) = delete;

    /// Before the first run has to wait for it.
    void begin();
    void start(Asker& asker);
    /// False: it waited, and is forgotten.  True: a clone may be under way; the helper is killed,
    /// so that `spawned` or `order` follows, whatever state the helper is in.
    bool recall(Asker& asker);
    /// It is being destroyed.
    void forget(const Asker& asker) noexcept;
    /// Who asked is gone; the helper is dead when this returns.
    void end() noexcept { helper_.reset(); }
    /// Nothing that was asked so far is cloned any more.
    void kill() noexcept;
    /// "started by roleswap-keeper, 3 being started", or why not by that.
    std::string describe() const;

private:
    void pump();
    bool wants_helper() const;
    void start_helper();
    bool hand_over(std::size_t slot);
    void clone_here();
    std::size_t free_slot() const;
    std::size_t asked() const;
    void answered(const SpawnAnswer& answer);
    void gone(const std::string& how);
    void lost(const std::string& how, std::size_t again);
    void failed(const std::string& why);
    void look();

    event::Loop& loop_;
    Options options_;
    event::UniqueFd program_;
    std::string trouble_; ///< why the daemon clones; empty: it does not
    event::Duration here_until_{0};
    std::deque<Asker*> queue_;
    std::array<Asker*, spawn_slots> slots_{};
    unsigned lives_ = 0;     ///< helpers so far
    unsigned answers_ = 0;   ///< of this helper
    unsigned looked_at_ = 0; ///< of these, when the timer was started
    unsigned fruitless_ = 0; ///< helpers in a row that died without an answer
    bool killed_ = false;    ///< the helper, by who owns this
    bool stuck_ = false;     ///< it was killed because it did not answer
    std::unique_ptr<SpawnHelper> helper_;
    event::Deferred later_;
    event::Timer patience_;
};

} // namespace roleswap::run
