#pragma once
// Inside of ManagedStore, for the files of this folder only: follow, repair, lead, mode, watch.
#include "store/copy_plan.hpp"
#include "store/history_files.hpp"
#include "store/look_pace.hpp"
#include "store/managed.hpp"
#include "store/server.hpp"
#include "store/spool.hpp"
#include <deque>
#include <optional>
#include <variant>

namespace roleswap::store {

/// What copies and rewinds call themselves on the master.
inline constexpr const char* repair_application = "roleswap_repair";

/// The line of a helper's output that says what is wrong.
std::string failure_of(const event::Ended& ended);

class ManagedStore::Impl {
public:
    Impl(event::Loop& loop, Options options, Handler& handler);
    void follow();
    void lead();
    void set_mode(core::Mode mode);
    void freeze();
    void thaw();
    void stop();
    void set_link_order(std::vector<std::size_t> order);
    void set_peer(std::string name);
    void note_peer(base::Lsn position, core::StoreState state);
    Snapshot snapshot() const;
    std::string conninfo() const { return server_.conninfo(database); }
    bool has_data() const { return layout_.has_cluster(); }

private:
    using Kind = core::StoreEvent::Kind;
    enum class Duty : std::uint8_t { none, follow, lead };
    /// Of the stream, since it was told to follow.
    enum class Told : std::uint8_t { nothing, following, lost };
    struct Note {
        std::string what;
        std::string why;
    };

    // managed.cpp
    void emit(Kind kind, base::Lsn position = {});
    void note(std::string what, std::string why);
    void tell();
    void doing(std::string what) { state_.detail = std::move(what); }
    void take_duty(Duty duty, Task<> steps);
    void take_mode(Task<> steps);
    void on_crash(const Postmaster::End& how);
    void on_sign(Sign sign, const std::string& line);
    void give_up(const std::string& why);
    void tell_wrong_password();
    void stir();
    Task<> fail_steps();
    Task<> stop_steps();
    Tuning tuned(bool require_peer, bool frozen) const;
    Task<pg::Result> ask(Sequencer& by, pg::Connection& session, std::string sql,
                         std::vector<std::optional<std::string>> params = {})
    {
        return server_.ask(by, session, std::move(sql), std::move(params));
    }
    pg::Connection& control() { return server_.sessions().control; }

    // follow.cpp
    Task<> follow_steps();
    Task<> follow_until_trouble();
    Task<> look_at_stream();
    Task<> start_standby();
    void lost_stream();
    Task<> tidy_standby();

    // repair.cpp
    void choose(const char* way, std::string why);
    Task<> repair();
    void keep_aside();
    std::string why_copy(Sign trouble) const;
    Task<std::string> read_peer_history(pg::Connection& peer);
    Task<> wait_for_primary();
    Task<bool> peer_is_ready(pg::Connection& peer);
    Task<bool> rewind();
    std::string peer_text(const char* dbname) const;

    // salvage.cpp
    Task<bool> salvage();
    Task<> salvage_once();
    Task<std::string> first_unknown(std::uint32_t timeline, std::optional<base::Lsn> fork,
                                    base::Lsn end);
    Task<> read_keepsakes(Spool& spool, std::string since);
    Task<bool> has_table(pg::Connection& session, std::string table); ///< empty: it is not asked

    // copy.cpp
    std::string not_ours(const char* remedy) const;
    void refuse_version(int there);
    Task<> copy(std::string why);
    Task<> remove_fresh();
    Task<> wait_for_room();
    Task<CopyPlan> plan_copy();
    Task<> measure_peer(CopyPlan& plan);
    Task<> sample_rates(CopyPlan& plan);
    Task<double> line_rate(std::uint64_t data);
    Task<double> disk_rate();
    void load_copy_rates(CopyPlan& plan) const;
    void save_copy_rates(event::Duration begin) const;
    Task<bool> copy_once();
    void copy_failed(const std::string& what, const std::string& why);
    void copy_progress(std::string_view text);
    void look_at_rate();
    double copy_seconds_left() const;

    // lead.cpp
    Task<> lead_steps();
    Task<> create_cluster();
    Task<> create_objects();
    Task<> create_distribution_role();
    Task<> after_lead_steps();
    std::vector<std::string> slots() const;
    Task<> make_slots(Sequencer& by, pg::Connection& session);

    // mode.cpp
    void mode_failed(const std::string& why);
    Task<> wait_setting(std::string name, std::string value);
    Task<> mirrored_steps();
    Task<> mirrored_once();
    Task<bool> peer_flushed(base::Lsn position, bool in_sync);
    Task<> alone_steps();
    Task<> mode_steps(core::Mode mode);
    Task<> freeze_steps();
    Task<base::Lsn> end_client_sessions();
    Task<> thaw_steps(Kind answer);
    void freeze_too_slow();

    // watch.cpp
    Task<> watch_primary();
    Task<> look_at_peer();
    void watch_peer();
    void end_stale_senders();
    std::string link_of(std::string_view peer_address) const;
    bool leads_to_peer(std::size_t link) const;

    event::Loop& loop_;
    const Options options_;
    Handler& handler_;
    const Layout layout_;
    HistoryFiles history_files_;
    std::string peer_name_;
    std::deque<std::variant<core::StoreEvent, Note>> outbox_;
    event::Deferred tell_;
    Duty duty_ = Duty::none;
    bool leading_ = false;  ///< primary was told
    bool may_lead_ = false; ///< clients may have committed since `primary` was last told
    int peer_missed_ = 0;   ///< looks of a primary in a row that found no standby
    bool streaming_ = false;
    Told told_ = Told::nothing;
    bool failing_ = false;
    bool disk_full_ = false;    ///< said since the last start
    Sign trouble_ = Sign::none; ///< why a standby cannot stream
    std::string trouble_line_;
    int repairs_ = 0;       ///< since it last streamed
    int told_pid_ = 0;      ///< receiver of the last `following`
    int stream_pid_ = 0;    ///< last receiver that began to stream
    int failed_starts_ = 0; ///< as standby, in a row
    event::Duration stream_lost_at_{0};
    bool salvaging_ = false;
    int salvage_failures_ = 0; ///< since it last streamed
    std::string peer_history_; ///< newest history file of the other node's store
    std::uint64_t wrong_passwords_ = 0;
    event::Duration quiet_until_{0}; ///< about them
    std::string copy_line_;
    struct Progress {
        event::Duration at;
        std::uint64_t bytes;
    };
    std::optional<Progress> copy_first_;                   ///< of the copy that runs
    event::Duration copy_seen_at_{0};                      ///< newest word of its progress
    std::optional<event::Duration> copy_checks_at_;        ///< since when it is checked
    CopyPlan copy_plan_;                                   ///< of the newest copy
    std::optional<std::pair<double, double>> copy_sample_; ///< of the line and of the disk
    std::string copy_trouble_;                             ///< told
    std::string rewind_trouble_;                           ///< of the newest rewind
    std::vector<std::size_t> live_links_;
    LookPace pace_;
    std::pair<base::Lsn, core::StoreState> peer_said_{}; ///< of its store
    Snapshot state_;
    Server server_;
    std::unique_ptr<pg::Connection> peer_;
    Sequencer role_;         ///< follow, lead, stop
    Sequencer mode_;         ///< set_mode, freeze, thaw
    Sequencer after_;        ///< what a new primary does when it already works
    Sequencer watch_;        ///< regular looks of a primary
    bool thaw_owed_ = false; ///< thaw() is not answered yet
    event::Timer freeze_limit_;
};

inline double seconds_since(event::Duration start)
{
    return std::chrono::duration<double>(event::Loop::now() - start).count();
}

} // namespace roleswap::store
