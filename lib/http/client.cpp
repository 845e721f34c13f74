#include "http/client.hpp"
#include "base/ensure.hpp"
#include "event/fd.hpp"
#include "http/transfer.hpp"
#include <algorithm>
#include <fcntl.h>
#include <new>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace roleswap::http {
namespace {

void start_libcurl()
{
    static const auto code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        throw std::runtime_error(std::string("libcurl does not start: ") +
                                 curl_easy_strerror(code));
}

void check(CURLcode code)
{
    if (code != CURLE_OK)
        throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(code));
}

void check(CURLMcode code)
{
    if (code != CURLM_OK)
        throw std::runtime_error(std::string("libcurl: ") + curl_multi_strerror(code));
}

std::uint32_t epoll_events(int what)
{
    switch (what) {
    case CURL_POLL_IN:
        return EPOLLIN;
    case CURL_POLL_OUT:
        return EPOLLOUT;
    default:
        return EPOLLIN | EPOLLOUT;
    }
}

int curl_events(std::uint32_t ready)
{
    return ((ready & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
           ((ready & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
           ((ready & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
}

} // namespace

/// Watched by a descriptor of our own: libcurl closes a socket that is not connected yet before it
/// tells, and what is closed cannot be taken out of epoll any more.
struct Client::Socket {
    Socket(event::Loop& loop, int fd, std::uint32_t wanted, std::function<void(std::uint32_t)> act)
        : events(wanted),
          descriptor(event::check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "watch a socket")),
          io(loop, descriptor.get(), wanted, std::move(act))
    {
    }
    std::uint32_t events;
    event::UniqueFd descriptor;
    event::Io io;
};

void Client::CloseMulti::operator()(void* multi) const noexcept
{
    curl_multi_cleanup(multi);
}

Client::Client(event::Loop& loop, Tls tls)
    : loop_(loop), tls_(std::move(tls)), timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); })
{
    start_libcurl();
    multi_.reset(curl_multi_init());
    if (!multi_) throw std::bad_alloc();
    check(curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &Client::on_socket));
    check(curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this));
    check(curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &Client::on_timeout));
    check(curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this));
}

Client::~Client()
{
    for (const auto& [id, transfer] : transfers_)
        curl_multi_remove_handle(multi_.get(), transfer->easy());
    transfers_.clear();
}

RequestId Client::start(const Request& request, OnDone on_done, OnData on_data)
{
    const auto id = ++last_id_;
    auto transfer =
        std::make_unique<Transfer>(request, tls_, std::move(on_done), std::move(on_data));
    check(curl_easy_setopt(transfer->easy(), CURLOPT_OPENSOCKETFUNCTION, &Client::open_socket));
    check(curl_easy_setopt(transfer->easy(), CURLOPT_OPENSOCKETDATA, this));
    check(curl_multi_add_handle(multi_.get(), transfer->easy()));
    transfers_.emplace(id, std::move(transfer));
    return id;
}

void Client::cancel(RequestId id)
{
    std::erase_if(done_, [id](const Done& done) { return done.id == id; });
    const auto found = transfers_.find(id);
    if (found == transfers_.end()) return;
    check(curl_multi_remove_handle(multi_.get(), found->second->easy()));
    transfers_.erase(found);
}

/// Tasks and the store inherit none of them.
int Client::open_socket(void* self, int, void* address) noexcept
{
    auto& client = *static_cast<Client*>(self);
    const auto& to = *static_cast<const curl_sockaddr*>(address);
    const int fd = ::socket(to.family, to.socktype | SOCK_CLOEXEC, to.protocol);
    try {
        // It closed one of this number without a word and believes that the new one is watched.
        const auto found = client.sockets_.find(fd);
        if (found != client.sockets_.end()) client.watch_anew(fd, found->second->events);
    } catch (...) {
        client.loop_.fail();
    }
    return fd;
}

int Client::on_socket(void*, int fd, int what, void* self, void*) noexcept
{
    auto& client = *static_cast<Client*>(self);
    try {
        client.watch(fd, what);
    } catch (...) {
        client.loop_.fail();
    }
    return 0;
}

void Client::watch(int fd, int what)
{
    if (what == CURL_POLL_REMOVE) {
        sockets_.erase(fd);
        return;
    }
    const auto found = sockets_.find(fd);
    if (found == sockets_.end()) return watch_anew(fd, epoll_events(what));
    found->second->events = epoll_events(what);
    found->second->io.set_events(found->second->events);
}

void Client::watch_anew(int fd, std::uint32_t events)
{
    sockets_[fd] = std::make_unique<Socket>(
        loop_, fd, events, [this, fd](std::uint32_t ready) { act(fd, curl_events(ready)); });
}

int Client::on_timeout(void*, long milliseconds, void* self) noexcept
{
    auto& client = *static_cast<Client*>(self);
    try {
        if (milliseconds < 0)
            client.timer_.stop();
        else
            client.timer_.start_in(std::chrono::milliseconds(milliseconds));
    } catch (...) {
        client.loop_.fail();
    }
    return 0;
}

void Client::act(int fd, int ready)
{
    int running = 0;
    check(curl_multi_socket_action(multi_.get(), fd, ready, &running));
    pass_on_data();
    collect();
}

/// Outside of libcurl's own calls, so that what is called may start and cancel requests.
void Client::pass_on_data()
{
    for (auto next = transfers_.begin(); next != transfers_.end();) {
        const auto id = next->first;
        if (next->second->streams()) {
            const auto data = next->second->take_data();
            const auto on_data = next->second->on_data();
            if (!data.empty()) on_data(data);
        }
        next = transfers_.upper_bound(id);
    }
}

void Client::collect()
{
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const auto code = message->data.result;
        const auto found = std::find_if(transfers_.begin(), transfers_.end(), [&](const auto& t) {
            return t.second->easy() == message->easy_handle;
        });
        base::ensure(found != transfers_.end(), "libcurl ends a request that is under way");
        auto transfer = std::move(found->second);
        const auto id = found->first;
        transfers_.erase(found);
        check(curl_multi_remove_handle(multi_.get(), transfer->easy()));
        done_.push_back({id, transfer->take_on_done(), transfer->outcome(code)});
    }
    while (!done_.empty()) {
        const auto done = std::move(done_.front());
        done_.pop_front();
        done.on_done(done.outcome);
    }
}

} // namespace roleswap::http
