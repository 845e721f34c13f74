#pragma once
#include "pg/connection.hpp"
#include "store/cluster_files.hpp"
#include "store/layout.hpp"
#include "store/postmaster.hpp"
#include "store/sequence.hpp"
#include "store/server_log.hpp"
#include <list>
#include <memory>

namespace roleswap::store {

/// Parameters of a query.  (A braced list inside co_await is more than g++ 12 can do.)
template <typename... Text> std::vector<std::optional<std::string>> values(Text&&... text)
{
    std::vector<std::optional<std::string>> list;
    (list.emplace_back(std::forward<Text>(text)), ...);
    return list;
}

/// The postgres of this node, with our own sessions in it.  Its steps are
/// awaited by the sequences of ManagedStore; they throw pg::Error, std::runtime_error or
/// std::system_error.  Pinned.
class Server {
public:
    using Kind = ServerKind;
    struct Events {
        std::function<void(const Postmaster::End&)> on_crash; ///< ended without being told
        ServerLog::OnSign on_sign;
        std::function<void()> on_log; ///< it has written to its log, whatever
    };
    /// Our sessions.  Their commits never wait for the standby, so none can get stuck.
    struct Sessions {
        pg::Connection control; ///< for the sequences of a role and a mode
        pg::Connection watch;   ///< regular looks
        pg::Connection slow;    ///< checkpoints and what else may take long
    };

    Server(event::Loop& loop, const Options& options, const Layout& layout, Events events);
    ~Server();

    Kind kind() const { return kind_; }
    /// Runs, or is starting, and was not told to end.
    bool running() const { return postmaster_->present() && !expected_; }
    pid_t pid() const { return postmaster_->pid(); }
    const Tuning& tuning() const { return tuning_; }
    ServerLog& log() { return log_; }
    Sessions& sessions();

    /// Writes all files that do not change while it runs; the programs need them too.
    void write_files() const;
    /// Writes the configuration, and has a running server read it.  Unchanged: nothing.
    void apply(const Tuning& tuning);
    /// Starts postgres on the cluster and waits until it takes connections.  Starts that fail soon
    /// after each other are spaced out, up to 10 s.
    Task<> start(Sequencer& by, Kind as);
    /// Waits for a start that another sequence began.
    Task<> wait_ready(Sequencer& by);
    /// Promotes a running standby; returns when it takes writes.
    Task<> promote(Sequencer& by);
    /// No process of the store is left: postgres, its orphans, helper programs.  At once, without
    /// a shutdown checkpoint.
    Task<> end(Sequencer& by);

    Task<pg::Result> ask(Sequencer& by, pg::Connection& session, std::string sql,
                         std::vector<std::optional<std::string>> params = {});
    /// A helper program; `end` kills it with all its children.
    Task<event::Ended> run(Sequencer& by, std::vector<std::string> argv,
                           event::Process::OnOutput on_output = {});
    /// Everything below the folder is on disk: one call, where the programs would sync file by
    /// file.
    Task<> sync(Sequencer& by, std::filesystem::path folder);
    std::string program(const char* name) const { return options_.bin_dir + "/" + name; }
    std::string conninfo(std::string_view dbname) const;

private:
    void write_settings() const;
    void write_access() const;
    void refuse_faults() const;
    void became_ready();
    void launch(Kind as);
    Task<> kill_all(Sequencer& by);
    Task<> make_superuser(Sequencer& by);
    const std::filesystem::path& sockets() const;
    void ended(const Postmaster::End& ended);
    void open_sessions();
    void kill_helpers() const;
    event::Loop& loop_;
    const Options& options_;
    const Layout& layout_;
    Events events_;
    ServerLog log_;
    Tuning tuning_;
    Kind kind_ = Kind::none;
    bool ready_ = false;      ///< the log said so
    bool reload_due_ = false; ///< settings changed while it started
    bool up_ = false;         ///< a start was completed; its end is a crash
    bool expected_ = false;   ///< told to end
    std::string last_end_;    ///< why the last one ended
    event::Duration next_start_{0};
    event::Duration pause_{0};
    event::Duration started_at_{0};
    std::unique_ptr<Sessions> sessions_;
    std::unique_ptr<Postmaster> postmaster_;
    std::list<std::unique_ptr<event::Process>> helpers_;
};

} // namespace roleswap::store
