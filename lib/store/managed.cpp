#include "store/managed_impl.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace roleswap::store {

ManagedStore::Impl::Impl(event::Loop& loop, Options options, Handler& handler)
    : loop_(loop), options_(std::move(options)), handler_(handler), layout_(options_),
      history_files_(layout_.cluster() / "pg_wal"), peer_name_(options_.peer_name),
      tell_(loop, [this] { tell(); }),
      server_(loop, options_, layout_,
              {[this](const Postmaster::End& how) { on_crash(how); },
               [this](Sign sign, const std::string& line) { on_sign(sign, line); },
               [this] { stir(); }}),
      role_(loop, [this](const std::exception& error) { give_up(error.what()); }),
      mode_(loop, [this](const std::exception& error) { mode_failed(error.what()); }),
      after_(loop, [this](const std::exception& error) { note("upkeep-failed", error.what()); }),
      watch_(loop, [this](const std::exception& error) { note("watch-failed", error.what()); }),
      freeze_limit_(loop, [this] { freeze_too_slow(); })
{
    std::vector<std::size_t> order(options_.links.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::erase_if(order, [this](std::size_t index) { return !leads_to_peer(index); });
    live_links_ = order;
    server_.apply({.link_order = std::move(order)});
    doing("not started");
}

/// The handler is called at the next turn of the loop, so it may call back whatever it likes.
void ManagedStore::Impl::emit(Kind kind, base::Lsn position)
{
    outbox_.emplace_back(core::StoreEvent{kind, position});
    tell_.trigger();
}

void ManagedStore::Impl::note(std::string what, std::string why)
{
    outbox_.emplace_back(Note{std::move(what), std::move(why)});
    tell_.trigger();
}

void ManagedStore::Impl::tell()
{
    for (;;) {
        if (!outbox_.empty()) handler_.on_store_turn();
        if (outbox_.empty()) return;
        const auto letter = std::move(outbox_.front());
        outbox_.pop_front(); // first: the handler may supersede what still waits
        if (const auto* event = std::get_if<core::StoreEvent>(&letter)) {
            if (event->kind == Kind::thawed) thaw_owed_ = false;
            if (event->kind == Kind::primary) may_lead_ = false;
            handler_.on_store(*event);
        }
        if (const auto* told = std::get_if<Note>(&letter))
            handler_.on_store_note(told->what, told->why);
    }
}

/// Something may have happened to the store that nobody else tells of: it is looked at now.
void ManagedStore::Impl::stir()
{
    if (!pace_.stir(event::Loop::now())) return;
    if (leading_) watch_.wake();
    if (streaming_) role_.wake();
}

void ManagedStore::Impl::note_peer(base::Lsn position, core::StoreState state)
{
    const std::pair said{position, state};
    if (said != std::exchange(peer_said_, said)) stir();
}

/// What an older order has not answered yet is never answered.
void ManagedStore::Impl::take_duty(Duty duty, Task<> steps)
{
    std::erase_if(outbox_, [](const auto& letter) { return letter.index() == 0; });
    mode_.cancel();
    after_.cancel();
    watch_.cancel();
    freeze_limit_.stop();
    duty_ = duty;
    leading_ = streaming_ = failing_ = salvaging_ = thaw_owed_ = false;
    state_.refused.clear();
    peer_.reset();
    told_ = Told::nothing;
    role_.start(std::move(steps));
}

void ManagedStore::Impl::take_mode(Task<> steps)
{
    std::erase_if(outbox_, [](const auto& letter) {
        const auto* event = std::get_if<core::StoreEvent>(&letter);
        if (event == nullptr) return false;
        return event->kind == Kind::in_sync || event->kind == Kind::alone ||
               event->kind == Kind::frozen || event->kind == Kind::freeze_failed ||
               event->kind == Kind::thawed;
    });
    mode_.start(std::move(steps));
}

void ManagedStore::Impl::stop()
{
    take_duty(Duty::none, stop_steps());
}

Task<> ManagedStore::Impl::stop_steps()
{
    doing("stopping");
    co_await server_.end(role_);
    doing("stopped");
    emit(Kind::stopped);
}

void ManagedStore::Impl::on_crash(const Postmaster::End& how)
{
    const auto why = how.by_hand ? how.how + "; only roleswapd starts and stops it"
                                 : fmt::format("postgres ended by itself: {}", how.how);
    note(how.by_hand ? "unit-stopped" : "crashed", why);
    if (salvaging_ && !disk_full_) { // what waits for its answers is dropped and begins again
        ++salvage_failures_;
        trouble_ = Sign::none;
        return take_duty(Duty::follow, follow_steps());
    }
    give_up(why);
}

/// An order failed, or the server died under it: nobody is left running, then it is told.
void ManagedStore::Impl::give_up(const std::string& why)
{
    if (failing_) { // even the clearing up failed
        note("failed", why);
        emit(Kind::failed);
        return;
    }
    if (disk_full_)
        doing(fmt::format("the disk of {} is full: make room; {}", options_.data_dir, why));
    else
        doing(why);
    take_duty(Duty::none, fail_steps());
}

Task<> ManagedStore::Impl::fail_steps()
{
    failing_ = true;
    co_await server_.end(role_);
    note("failed", state_.detail);
    // `failed` alone says that nobody can have committed here since lead() began.
    if (may_lead_) emit(Kind::primary);
    emit(Kind::failed);
    failing_ = false;
}

void ManagedStore::Impl::on_sign(Sign sign, const std::string& line)
{
    switch (sign) {
    case Sign::none:
    case Sign::ready:
        return;
    case Sign::streaming:
        stream_pid_ = pid_of(line);
        return;
    case Sign::diverged:
    case Sign::foreign:
    case Sign::wal_missing:
    case Sign::broken:
        // A primary logs what it answers to its standby in the same words.
        if (duty_ != Duty::follow || trouble_ != Sign::none) return;
        trouble_ = sign;
        trouble_line_ = line;
        return;
    case Sign::disk_full:
        if (!disk_full_)
            note("disk-full", fmt::format("no space left below {}: {}", options_.data_dir, line));
        disk_full_ = true;
        return;
    case Sign::wrong_password:
        tell_wrong_password();
        return;
    case Sign::panic:
        note("panic", line);
        return;
    }
}

/// Once in a while: whoever tries many must not fill the event log.
void ManagedStore::Impl::tell_wrong_password()
{
    ++wrong_passwords_;
    const auto now = event::Loop::now();
    if (now < quiet_until_) return;
    quiet_until_ = now + std::chrono::seconds(10);
    note("wrong-password",
         fmt::format("{} attempts to join with a wrong password since the store was started",
                     wrong_passwords_));
}

Tuning ManagedStore::Impl::tuned(bool require_peer, bool frozen) const
{
    auto tuning = server_.tuning();
    tuning.require_peer = require_peer;
    tuning.frozen = frozen;
    return tuning;
}

Snapshot ManagedStore::Impl::snapshot() const
{
    auto copy = state_;
    copy.copy_seconds_left = copy_seconds_left();
    copy.pid = server_.pid();
    copy.version = major_version(options_.bin_dir);
    if (leading_ && server_.kind() == Server::Kind::primary)
        copy.state = server_.tuning().frozen ? core::StoreState::frozen : core::StoreState::primary;
    else
        copy.state = streaming_ ? core::StoreState::following : core::StoreState::down;
    return copy;
}

void ManagedStore::Impl::set_link_order(std::vector<std::size_t> order)
{
    std::erase_if(order, [this](std::size_t index) {
        return index >= options_.links.size() || !leads_to_peer(index);
    });
    if (order == live_links_) return;
    live_links_ = order;
    stir();
    // Dead links come last: they may be back before anybody says so.
    for (std::size_t index = 0; index < options_.links.size(); ++index)
        if (leads_to_peer(index) && std::find(order.begin(), order.end(), index) == order.end())
            order.push_back(index);
    auto tuning = server_.tuning();
    tuning.link_order = std::move(order);
    server_.apply(tuning);
    if (leading_) end_stale_senders();
}

/// The order of the links that comes next is new, whatever it is.
void ManagedStore::Impl::set_peer(std::string name)
{
    if (name == peer_name_) return;
    peer_name_ = std::move(name);
    live_links_.assign(1, options_.links.size());
}

ManagedStore::ManagedStore(event::Loop& loop, Options options, Handler& handler)
    : impl_(std::make_unique<Impl>(loop, std::move(options), handler))
{
}

ManagedStore::~ManagedStore() = default;

void ManagedStore::follow(core::Epoch)
{
    impl_->follow();
}
void ManagedStore::lead(core::Epoch)
{
    impl_->lead();
}
void ManagedStore::set_mode(core::Mode mode)
{
    impl_->set_mode(mode);
}
void ManagedStore::freeze()
{
    impl_->freeze();
}
void ManagedStore::thaw()
{
    impl_->thaw();
}
void ManagedStore::stop()
{
    impl_->stop();
}
void ManagedStore::set_link_order(std::vector<std::size_t> order)
{
    impl_->set_link_order(std::move(order));
}
void ManagedStore::set_peer(std::string name)
{
    impl_->set_peer(std::move(name));
}
void ManagedStore::note_peer(base::Lsn position, core::StoreState state)
{
    impl_->note_peer(position, state);
}
Snapshot ManagedStore::snapshot() const
{
    return impl_->snapshot();
}
std::string ManagedStore::conninfo() const
{
    return impl_->conninfo();
}
bool ManagedStore::has_data() const
{
    return impl_->has_data();
}

} // namespace roleswap::store
