#include "etcd.hpp"
#include "http/client.hpp"
#include "witness/secret.hpp"
#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>

namespace roleswap::test {

using namespace std::chrono_literals;

std::string etcd_path()
{
    for (const char* path : {"/usr/bin/etcd", "/usr/local/bin/etcd"})
        if (std::filesystem::exists(path)) return path;
    return {};
}

int free_port()
{
    const event::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    event::check(::bind(fd.get(), plain, length), "bind");
    event::check(::getsockname(fd.get(), plain, &length), "getsockname");
    return ntohs(address.sin_port);
}

bool wait(event::Loop& loop, const std::function<bool()>& done, event::Duration limit)
{
    const auto until = event::Loop::now() + limit;
    while (!done()) {
        const auto left = until - event::Loop::now();
        if (left.count() <= 0) return false;
        const auto slice = std::min<event::Duration>(left, 20ms);
        const int result = sd_event_run(loop.get(), static_cast<std::uint64_t>(slice.count()));
        if (result < 0) throw std::runtime_error("the loop fails");
        if (sd_event_get_state(loop.get()) == SD_EVENT_FINISHED)
            loop.run(); // throws what a callback threw
    }
    return true;
}

Folder::Folder()
{
    auto name = (std::filesystem::temp_directory_path() / "roleswap-witness-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
}

Folder::~Folder()
{
    std::error_code ignored; // the folder is temporary anyway
    std::filesystem::remove_all(path_, ignored);
}

namespace {

void run(event::Loop& loop, std::vector<std::string> argv)
{
    std::optional<event::Ended> ended;
    const event::Process process(loop, {.argv = std::move(argv), .death_signal = SIGKILL},
                                 [&](const event::Ended& end) { ended = end; });
    if (!wait(loop, [&] { return ended.has_value(); }) || !ended->ok())
        throw std::runtime_error(ended ? ended->output : "openssl does not end");
}

constexpr const char* openssl = "/usr/bin/openssl";

} // namespace

Certificates::Certificates(event::Loop& loop)
{
    run(loop, {openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "2", "-subj", "/CN=roleswap test", "-keyout", file("ca.key"),
               "-out", file("ca.pem")});
    // etcd's gateway is a client of its own server, with the server's certificate.
    sign(loop, "server", "serverAuth,clientAuth");
    sign(loop, "client", "clientAuth");
}

void Certificates::sign(event::Loop& loop, const std::string& name, const std::string& usage)
{
    run(loop, {openssl,
               "req",
               "-x509",
               "-newkey",
               "ec",
               "-pkeyopt",
               "ec_paramgen_curve:P-256",
               "-nodes",
               "-days",
               "2",
               "-subj",
               "/CN=" + name,
               "-addext",
               "subjectAltName=IP:127.0.0.1",
               "-addext",
               "extendedKeyUsage=" + usage,
               "-addext",
               "basicConstraints=critical,CA:FALSE",
               "-CA",
               file("ca.pem"),
               "-CAkey",
               file("ca.key"),
               "-keyout",
               file(name + ".key"),
               "-out",
               file(name + ".pem")});
}

std::string Etcd::Member::peer_url() const
{
    return fmt::format("http://127.0.0.1:{}", peer_port);
}

Etcd::Etcd(event::Loop& loop, Member own, const std::vector<Member>& cluster,
           const Certificates* tls)
    : loop_(loop), own_(std::move(own)), tls_(tls)
{
    for (const auto& member : cluster)
        cluster_ +=
            fmt::format("{}{}={}", cluster_.empty() ? "" : ",", member.name, member.peer_url());
    start();
}

Etcd::Etcd(event::Loop& loop, const Certificates* tls) : loop_(loop), tls_(tls)
{
    cluster_ = fmt::format("{}={}", own_.name, own_.peer_url());
    start();
    ready();
}

Etcd::~Etcd()
{
    kill();
}

std::string Etcd::url() const
{
    return fmt::format("{}://127.0.0.1:{}", tls_ != nullptr ? "https" : "http", own_.client_port);
}

void Etcd::start()
{
    std::vector<std::string> argv{etcd_path(),
                                  "--name",
                                  own_.name,
                                  "--data-dir",
                                  (folder_.path() / "data").string(),
                                  "--listen-client-urls",
                                  url(),
                                  "--advertise-client-urls",
                                  url(),
                                  "--listen-peer-urls",
                                  own_.peer_url(),
                                  "--initial-advertise-peer-urls",
                                  own_.peer_url(),
                                  "--initial-cluster",
                                  cluster_,
                                  "--heartbeat-interval",
                                  "20",
                                  "--election-timeout",
                                  "200",
                                  "--logger",
                                  "zap"};
    if (tls_ != nullptr)
        argv.insert(argv.end(), {"--cert-file", tls_->file("server.pem"), "--key-file",
                                 tls_->file("server.key"), "--client-cert-auth",
                                 "--trusted-ca-file", tls_->file("ca.pem")});
    running_ = true;
    process_ = std::make_unique<event::Process>(
        loop_, event::Command{.argv = std::move(argv), .death_signal = SIGKILL},
        [this](const event::Ended&) { running_ = false; });
}

void Etcd::freeze()
{
    process_->signal(SIGSTOP);
    const std::string tasks = "/proc/" + std::to_string(process_->pid()) + "/task";
    const auto stopped = [](const std::filesystem::path& task) {
        std::ifstream stat(task / "stat");
        const std::string text{std::istreambuf_iterator<char>(stat), {}};
        const auto end = text.rfind(')');
        return end == std::string::npos || text.compare(end, 3, ") T") == 0;
    };
    const auto all = [&] {
        const std::filesystem::directory_iterator threads(tasks);
        return std::all_of(begin(threads), end(threads),
                           [&](const auto& task) { return stopped(task.path()); });
    };
    if (!wait(loop_, all)) throw std::runtime_error("etcd does not stop");
}

void Etcd::ready()
{
    if (post("/v3/kv/range", R"({"key":"eA=="})").find("revision") == std::string::npos)
        throw std::runtime_error("etcd does not serve");
}

void Etcd::kill()
{
    process_->signal(SIGKILL);
    if (!wait(loop_, [this] { return !running_; })) throw std::runtime_error("etcd does not end");
}

void Etcd::wipe()
{
    kill();
    std::filesystem::remove_all(folder_.path() / "data");
    start();
    ready();
}

std::string Etcd::post(const std::string& path, const std::string& body)
{
    http::Tls tls;
    if (tls_ != nullptr)
        tls = {witness::read_file(tls_->file("ca.pem"), witness::Readers::anybody),
               witness::read_file(tls_->file("client.pem"), witness::Readers::anybody),
               witness::read_file(tls_->file("client.key"), witness::Readers::owner)};
    http::Client client(loop_, tls);
    std::optional<std::string> answer;
    std::string why = "no answer";
    event::Timer again(loop_, [&] {
        client.start({url() + path, body}, [&](const http::Outcome& outcome) {
            const auto* response = std::get_if<http::Response>(&outcome);
            if (response != nullptr && response->status == 200)
                answer = response->body;
            else
                again.start_in(10ms);
            if (response != nullptr) why = response->body;
        });
    });
    again.start_in(0ms);
    if (!wait(loop_, [&] { return answer.has_value(); }))
        throw std::runtime_error("etcd does not answer " + path + ": " + why);
    return *answer;
}

} // namespace roleswap::test
