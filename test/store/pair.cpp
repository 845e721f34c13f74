#include "pair.hpp"
#include <csignal>
#include <fmt/format.h>
#include <stdexcept>
#include <unistd.h>

namespace roleswap::test {

using namespace std::chrono_literals;

namespace {

/// Made for these tests alone, valid for a hundred years.
constexpr const char* certificate = R"(-----BEGIN CERTIFICATE-----
MIIBhzCCAS2gAwIBAgIUQbRqiBVmEBl558Hg8G2QFGPblAIwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNcm9sZXN3YXAtdGVzdDAgFw0yNjExMjIxNTM4MTRaGA8yMTI2
MTAyOTE1MzgxNFowGDEWMBQGA1UEAwwNcm9sZXN3YXAtdGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABMhR8VdxNw2Ed4afJLkWhbLG9rgfirXdb8MfIHDaXx1l
fSWa753z2gIQH8IJO9jU9GX3fdwHrLdot/itTBdJ4kqjUzBRMB0GA1UdDgQWBBS+
iuvfvFH4xTHuyjZ9HdMk+JRjCjAfBgNVHSMEGDAWgBS+iuvfvFH4xTHuyjZ9HdMk
+JRjCjAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQC1sU4zyfj7
3NtZBO43sMnCSyQbkk40ryQqLeamwuoE/QIgMDnWxPS2I36oxKJpHfS+tC/Ccs8A
V1XnK62YIDB2fy4=
-----END CERTIFICATE-----
)";
constexpr const char* private_key = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLGwABMqhnwqDoI1k
0yu4vJc9jf3/lWmvUpAwyqu0y9ehRANCAATIUfFXcTcNhHeGnyS5FoWyxva4H4q1
3W/DHyBw2l8dZX0lmu+d89oCEB/CCTvY1PRl933cB6y3aLf4rUwXSeJK
-----END PRIVATE KEY-----
)";

/// Loopback addresses of this process, so that tests can run side by side.
std::string address(int host)
{
    const int pid = ::getpid();
    return fmt::format("127.{}.{}.{}", 1 + (pid >> 8) % 250, pid & 0xff, host);
}

store::Options options_of(const std::filesystem::path& folder, bool first,
                          const std::function<void(store::Options&)>& adjust)
{
    store::Options options;
    options.name = first ? "left" : "right-2";
    options.peer_name = first ? "right-2" : "left";
    options.data_dir = folder / options.name / "data";
    options.run_dir = folder / options.name / "run";
    options.bin_dir = bin_dir();
    options.user = ::geteuid() == 0 ? os_user() : "";
    const int own = first ? 1 : 2;
    options.links = {{"lan-a", address(10 + own), address(13 - own)},
                     {"lan-b", address(20 + own), address(23 - own)}};
    options.replication_password = "replica's \\ secret";
    options.certificate = certificate;
    options.private_key = private_key;
    options.settings = {{"shared_buffers", "16MB"}, {"port", "1"}};
    options.keepsakes = {{"run", "select json_build_object('n', n) from public.numbers "
                                 "where {since} is null or age(xmin) <= age({since}) order by n"}};
    if (adjust) adjust(options);
    return options;
}

const char* name_of(Kind kind)
{
    switch (kind) {
    case Kind::following:
        return "following";
    case Kind::lost_peer:
        return "lost_peer";
    case Kind::primary:
        return "primary";
    case Kind::in_sync:
        return "in_sync";
    case Kind::alone:
        return "alone";
    case Kind::frozen:
        return "frozen";
    case Kind::freeze_failed:
        return "freeze_failed";
    case Kind::thawed:
        return "thawed";
    case Kind::stopped:
        return "stopped";
    case Kind::failed:
        return "failed";
    case Kind::progress:
        return "progress";
    }
    return "?";
}

} // namespace

Node::Node(event::Loop& loop, store::Options options) : loop_(loop), options_(std::move(options))
{
    store_ = std::make_unique<store::ManagedStore>(loop_, options_, *this);
}

void Node::on_store_turn()
{
    if (const auto call = before) call(); // a copy: it may take itself out
}

std::optional<Kind> Node::first() const
{
    return events_.empty() ? std::nullopt : std::optional(events_.front().kind);
}

void Node::on_store(const core::StoreEvent& event)
{
    if (event.kind == Kind::progress) return;
    events_.push_back(event);
    tell(fmt::format("  {} {:.1f}: {}\n", options_.name, ms(event::Loop::now()),
                     name_of(event.kind)));
}

/// With STORY in the environment everything is printed as it happens.
void Node::tell(const std::string& line)
{
    story_ += line;
    if (std::getenv("STORY") != nullptr) fmt::print(stderr, "{}", line);
}

void Node::on_store_note(std::string_view what, const std::string& why)
{
    notes_.emplace(what);
    tell(fmt::format("  {} {:.1f}: note {}: {}\n", options_.name, ms(event::Loop::now()), what,
                     why));
}

void Node::restart()
{
    store_.reset();
    forget();
    store_ = std::make_unique<store::ManagedStore>(loop_, options_, *this);
}

bool Node::told(Kind kind) const
{
    for (const auto& event : events_)
        if (event.kind == kind) return true;
    return false;
}

core::StoreEvent Node::expect(Kind kind, event::Duration limit)
{
    const bool came = wait(
        loop_, [&] { return told(kind); }, limit);
    if (!came)
        throw std::runtime_error(fmt::format("{} did not tell {} ({}):\n{}", options_.name,
                                             name_of(kind), store_->snapshot().detail, story_));
    core::StoreEvent found;
    for (const auto& event : events_)
        if (event.kind == kind) found = event;
    events_.clear();
    return found;
}

void Node::forget()
{
    events_.clear();
    notes_.clear();
}

std::filesystem::path Node::cluster() const
{
    return std::filesystem::path(options_.data_dir) / "store/pg";
}

Pair::Pair(const std::function<void(store::Options&)>& adjust)
    : first(loop, options_of(folder.path(), true, adjust)),
      second(loop, options_of(folder.path(), false, adjust))
{
}

Pair::~Pair()
{
    for (auto* node : {&first, &second}) (*node)->stop();
    wait(loop, [this] { return first.told(Kind::stopped) && second.told(Kind::stopped); });
}

void Pair::join()
{
    first->lead(1);
    first.expect(Kind::primary);
    second->follow(1);
    second.expect(Kind::following);
    ask(loop, first->conninfo(), "create table numbers(n int primary key)");
}

void Pair::mirror(Node& primary)
{
    primary->set_mode(core::Mode::mirrored);
    primary.expect(Kind::in_sync);
}

void Pair::part(const std::string& only_first)
{
    mirror(first);
    second->stop();
    second.expect(Kind::stopped);
    first->set_mode(core::Mode::alone);
    first.expect(Kind::alone);
    ask(loop, first->conninfo(), only_first);
    first->stop();
    first.expect(Kind::stopped);
    second->lead(2);
    second.expect(Kind::primary);
    ask(loop, second->conninfo(), "insert into numbers values (2)");
    first.forget();
}

Writer::Writer(event::Loop& loop, const std::string& conninfo, int from)
    : number_(from), connection_(loop, {conninfo, 5s, 0s, 0s},
                                 {.on_up = [this] { next(); },
                                  .on_down = [this](const std::string&) { ended_ = true; }})
{
    connection_.connect();
}

void Writer::next()
{
    sent_ = event::Loop::now();
    pg::Query insert{"insert into numbers values ($1)", {std::to_string(number_)}};
    connection_.query(std::move(insert), [this](pg::Reply reply) {
        if (std::holds_alternative<pg::Result>(reply)) acknowledged_.insert(number_);
        worst_ms_ = std::max(worst_ms_, ms(event::Loop::now() - sent_));
        ++number_;
        if (stopping_ || !std::holds_alternative<pg::Result>(reply))
            ended_ = true;
        else
            next();
    });
}

std::string ask(event::Loop& loop, const std::string& conninfo, const std::string& sql)
{
    std::optional<pg::Reply> reply;
    pg::Connection connection(loop, {conninfo});
    connection.connect();
    connection.query({sql}, [&](pg::Reply got) { reply = std::move(got); });
    if (!wait(loop, [&] { return reply.has_value(); }))
        throw std::runtime_error("no answer to " + sql);
    const auto result = pg::value(std::move(*reply));
    return result.empty() || result.command().starts_with("INSERT")
               ? ""
               : std::string(result[0].maybe_text(0).value_or(""));
}

std::set<int> numbers(event::Loop& loop, const std::string& conninfo)
{
    const auto text =
        ask(loop, conninfo, "select coalesce(string_agg(n::text, ' '), '') from numbers");
    std::set<int> all;
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t used = 0;
        all.insert(std::stoi(text.substr(at, 12), &used));
        at += used + 1;
    }
    return all;
}

double ms(event::Duration duration)
{
    return static_cast<double>(duration.count()) / 1000.0;
}

} // namespace roleswap::test
