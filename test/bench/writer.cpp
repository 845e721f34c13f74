/// A client as the benches and the lab need it: one small transaction after another into
/// lab.written, always to the node that accepts writes.  It keeps a list of addresses; when its
/// connection breaks, or a commit has no answer for `--patience`, it tries all addresses at once
/// and goes on with the first that lets it write.  One thread, asynchronous libpq.
///
/// One line per transaction on the output file, times in microseconds of the wall clock:
///     ack ID SENT ANSWERED ADDRESS TIMELINE  the server said that it is committed
///     doubt ID SENT NOTICED ADDRESS WHY  the connection ended first: it may be committed
///     fail ID SENT ANSWERED ADDRESS WHY  the server said that it is not committed
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Micros = std::int64_t;

struct CloseConnection {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, CloseConnection>;
struct CloseResult {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, CloseResult>;
struct CloseFile {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

volatile std::sig_atomic_t stop_asked = 0;
void ask_stop(int)
{
    stop_asked = 1;
}

Micros now()
{
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return Micros{time.tv_sec} * 1000000 + time.tv_nsec / 1000;
}

std::string one_line(const char* text)
{
    std::string line = text;
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

struct Options {
    std::vector<std::string> addresses; ///< one conninfo each
    std::string output = "/dev/stdout";
    Micros patience = 250000;      ///< an unanswered commit that old makes it look elsewhere
    Micros attempt_limit = 700000; ///< a connection attempt that old is given up
    Micros retry_pause = 2000;     ///< between two attempts at one address
    Micros think_time = 0;         ///< between two transactions
    std::int64_t first_id = 1;
};

/// One address on the way to a connection that may write.
struct Racer {
    Connection connection;
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    Micros started = 0;
    Micros next_start = 0;
};

struct Pending {
    std::int64_t id = 0;
    Micros sent = 0;
    bool answered = false;
};

class Writer {
public:
    explicit Writer(Options options)
        : options_(std::move(options)), racers_(options_.addresses.size()),
          output_(std::fopen(options_.output.c_str(), "a")), next_id_(options_.first_id)
    {
    }

    /// Until SIGTERM or SIGINT.  0, or 1 where the output file cannot be written.
    int run()
    {
        if (!output_) return std::perror(options_.output.c_str()), 1;
        std::setvbuf(output_.get(), nullptr, _IOLBF, 0);
        while (!stop_asked || pending_) {
            if (stop_asked && now() - pending_->sent > 1000000) break;
            step();
        }
        if (pending_) give_up("the writer was stopped");
        return 0;
    }

private:
    void step()
    {
        if (active_ && !pending_ && now() >= next_send_) send_next();
        const bool racing = !active_ || (pending_ && now() - pending_->sent > options_.patience);
        if (racing) start_racers();
        wait_for_sockets();
        if (active_) read_active();
        for (std::size_t i = 0; i < racers_.size(); ++i) advance(i);
    }

    void send_next()
    {
        pending_ = Pending{next_id_++, now()};
        const std::string id = std::to_string(pending_->id);
        const char* values[] = {id.c_str()};
        constexpr auto insert = "insert into lab.written(id) values ($1)"
                                " returning left(pg_walfile_name(pg_current_wal_lsn()), 8)";
        if (!PQsendQueryParams(active_.get(), insert, 1, nullptr, values, nullptr, nullptr, 0))
            lose_active(PQerrorMessage(active_.get()));
    }

    void read_active()
    {
        if (!pending_) return;
        if (!PQconsumeInput(active_.get())) return lose_active(PQerrorMessage(active_.get()));
        while (active_ && pending_ && !PQisBusy(active_.get())) {
            const Result result{PQgetResult(active_.get())};
            if (result)
                note(result.get());
            else
                finish_pending();
        }
    }

    /// The row and "INSERT 0 1" are written before the transaction commits; only the end of the
    /// answer (ReadyForQuery, no more results) says that it did.
    void note(PGresult* result)
    {
        pending_->answered = true;
        if (PQresultStatus(result) == PGRES_TUPLES_OK) {
            timeline_ = PQgetvalue(result, 0, 0);
            return;
        }
        const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
        // FATAL and PANIC end the session, perhaps after the local commit; ERROR is a rollback.
        const bool rolled_back = severity && std::string_view{severity} == "ERROR";
        record(rolled_back ? "fail" : "doubt", one_line(PQresultErrorMessage(result)));
        refused_ = true;
    }

    void finish_pending()
    {
        const bool alive = PQstatus(active_.get()) == CONNECTION_OK;
        if (!refused_ && !(pending_->answered && alive)) return lose_active("the connection ended");
        if (!refused_) record("ack", timeline_);
        pending_.reset();
        next_send_ = now() + options_.think_time;
        if (refused_ || !alive) active_.reset();
        refused_ = false;
    }

    void lose_active(const char* why)
    {
        give_up(one_line(why));
        active_.reset();
    }

    void give_up(const std::string& why)
    {
        if (pending_ && !refused_) record("doubt", why);
        pending_.reset();
        refused_ = false;
    }

    void record(const char* outcome, const std::string& why)
    {
        std::fprintf(output_.get(), "%s %lld %lld %lld %zu %s\n", outcome,
                     static_cast<long long>(pending_->id), static_cast<long long>(pending_->sent),
                     static_cast<long long>(now()), active_address_, why.c_str());
    }

    void start_racers()
    {
        for (std::size_t i = 0; i < racers_.size(); ++i) {
            Racer& racer = racers_[i];
            const bool in_use = active_ && i == active_address_;
            if (racer.connection || in_use || now() < racer.next_start) continue;
            racer.connection.reset(PQconnectStart(options_.addresses[i].c_str()));
            racer.started = now();
            racer.wants = PGRES_POLLING_WRITING;
        }
    }

    void advance(std::size_t index)
    {
        Racer& racer = racers_[index];
        if (!racer.connection) return;
        if (PQstatus(racer.connection.get()) == CONNECTION_BAD) return drop(racer);
        if (ready(PQsocket(racer.connection.get())))
            racer.wants = PQconnectPoll(racer.connection.get());
        if (racer.wants == PGRES_POLLING_FAILED) return drop(racer);
        if (racer.wants == PGRES_POLLING_OK) return win(index);
        if (now() - racer.started > options_.attempt_limit) drop(racer);
    }

    void drop(Racer& racer)
    {
        racer.connection.reset();
        racer.next_start = now() + options_.retry_pause;
    }

    void win(std::size_t index)
    {
        give_up("no answer in time, another connection may write");
        active_ = std::move(racers_[index].connection);
        active_address_ = index;
        for (Racer& racer : racers_) drop(racer);
    }

    void wait_for_sockets()
    {
        sockets_.clear();
        if (active_ && pending_) sockets_.push_back({PQsocket(active_.get()), POLLIN, 0});
        for (const Racer& racer : racers_) {
            if (!racer.connection) continue;
            const short events = racer.wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
            sockets_.push_back({PQsocket(racer.connection.get()), events, 0});
        }
        poll(sockets_.data(), sockets_.size(), timeout());
    }

    /// Milliseconds: short while something is to be retried, else as long as the patience.
    int timeout() const
    {
        if (!active_) return 1;
        if (!pending_) return static_cast<int>(std::max<Micros>(next_send_ - now(), 0) / 1000);
        return now() - pending_->sent > options_.patience ? 2 : 20;
    }

    bool ready(int socket) const
    {
        return std::any_of(sockets_.begin(), sockets_.end(), [socket](const pollfd& entry) {
            return entry.fd == socket && entry.revents != 0;
        });
    }

    Options options_;
    Connection active_;
    std::size_t active_address_ = 0;
    std::optional<Pending> pending_;
    std::string timeline_; ///< of the answered one
    bool refused_ = false; ///< the pending one is recorded as refused or in doubt
    std::vector<Racer> racers_;
    std::vector<pollfd> sockets_;
    File output_;
    std::int64_t next_id_;
    Micros next_send_ = 0;
};

std::int64_t number(const char* text)
{
    std::int64_t value = 0;
    const auto end = text + std::strlen(text);
    if (std::from_chars(text, end, value).ptr != end || value < 0) {
        std::fprintf(stderr, "writer: '%s' is not a number; give one of at least 0\n", text);
        std::exit(2);
    }
    return value;
}

Options parse(int count, char** words)
{
    Options options;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name = words[i];
        if (name == "--to")
            options.addresses.push_back(std::string{words[i + 1]} +
                                        " target_session_attrs=read-write");
        else if (name == "--output")
            options.output = words[i + 1];
        else if (name == "--patience-ms")
            options.patience = number(words[i + 1]) * 1000;
        else if (name == "--pause-ms")
            options.think_time = number(words[i + 1]) * 1000;
        else if (name == "--retry-ms")
            options.retry_pause = number(words[i + 1]) * 1000;
        else if (name == "--first-id")
            options.first_id = number(words[i + 1]);
    }
    return options;
}

} // namespace

int main(int count, char** words)
{
    Options options = parse(count, words);
    if (count % 2 == 0 || options.addresses.empty()) {
        std::fputs("usage: writer --to CONNINFO [--to CONNINFO]... [--output FILE] [--first-id N]"
                   " [--patience-ms N] [--pause-ms N] [--retry-ms N]\n",
                   stderr);
        return 2;
    }
    std::signal(SIGTERM, ask_stop);
    std::signal(SIGINT, ask_stop);
    return Writer{std::move(options)}.run();
}
