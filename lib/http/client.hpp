#pragma once
#include "event/loop.hpp"
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace roleswap::http {

class Transfer;

/// PEM texts, held in memory: no file is read while a request is under way.
struct Tls {
    std::string ca;          ///< who must have signed the server; empty: the system's authorities
    std::string certificate; ///< of this client, with `key`; empty: none
    std::string key;
};

/// A POST where there is a body, else a GET.
struct Request {
    enum class Connection : std::uint8_t {
        kept,  ///< one that is open already where there is one
        fresh, ///< a new one, where the open one may be dead
    };
    std::string url; ///< http or https
    std::string body{};
    std::vector<std::string> headers{}; ///< "Name: value"
    /// Of the whole request; of connecting alone where `on_data` takes the answer piece by piece.
    event::Duration timeout = std::chrono::seconds(10);
    Connection connection = Connection::kept;
};

/// The server answered, with whatever status.
struct Response {
    long status = 0; ///< RFC 9110, section 15
    std::string body;
    event::Duration took{0};
};

/// There is no whole answer.
struct Failure {
    std::string why; ///< one phrase, such as "Connection refused" or "no answer in time"
    event::Duration took{0};
};

using Outcome = std::variant<Response, Failure>;
using OnDone = std::function<void(const Outcome&)>;
using OnData = std::function<void(std::string_view)>;
using RequestId = std::uint64_t;

/// libcurl's multi interface on the loop: many requests at once, connections kept between them,
/// nothing blocks.  HTTP/1.1, so that what is given up closes its own connection and no other; no
/// proxies, no redirects, TLS 1.2 or newer.  Host names are looked up in a thread of libcurl's.
/// Callbacks come at a later turn of the loop, never inside a call; they may start and cancel
/// requests, and must not destroy the client.  Destroying it drops what is under way.  Pinned.
class Client {
public:
    explicit Client(event::Loop& loop, Tls tls = {});
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// `on_done` once, unless cancelled.  Where `on_data` is given it gets the body as it comes,
    /// and `on_done` an empty one.  An answer above 1 MiB is a failure.
    RequestId start(const Request& request, OnDone on_done, OnData on_data = {});
    /// No callback comes after this.  Harmless for what is done.
    void cancel(RequestId id);
    /// Under way or not told yet.
    std::size_t pending() const { return transfers_.size() + done_.size(); }

private:
    struct Done {
        RequestId id = 0;
        OnDone on_done;
        Outcome outcome;
    };
    struct CloseMulti {
        void operator()(void* multi) const noexcept;
    };

    struct Socket;

    static int open_socket(void* self, int purpose, void* address) noexcept;
    static int on_socket(void* easy, int fd, int what, void* self, void* socket) noexcept;
    static int on_timeout(void* multi, long milliseconds, void* self) noexcept;
    void watch(int fd, int what);
    void watch_anew(int fd, std::uint32_t events);
    void act(int fd, int ready);
    void pass_on_data();
    void collect();

    event::Loop& loop_;
    Tls tls_;
    RequestId last_id_ = 0;
    std::map<RequestId, std::unique_ptr<Transfer>> transfers_;
    std::deque<Done> done_;
    event::Timer timer_;
    std::map<int, std::unique_ptr<Socket>> sockets_; ///< by the number that libcurl uses
    std::unique_ptr<void, CloseMulti> multi_;        ///< CURLM; last, it lets go of the sockets
};

} // namespace roleswap::http
