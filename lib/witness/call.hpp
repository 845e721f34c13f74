#pragma once
#include "http/client.hpp"
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace roleswap::witness {

/// Of etcd's own users; the user is empty where it asks for none.
struct Login {
    std::string user;
    std::string password;
};

/// One address at which the witness answers.
struct Endpoint {
    std::string url;     ///< "https://host:port"
    std::string token{}; ///< of the login; empty: not logged in yet
};

struct Question {
    std::string path;
    std::string body;
    event::Duration limit{0};
    http::Request::Connection connection = http::Request::Connection::kept;
};

/// One question to one endpoint.  Logs in first where that is needed, and again when the token is
/// not valid any more, all within the limit.  Destroying it calls it off.  Pinned.
class Call {
public:
    /// `answer` is null where there is none; `why` tells then what came instead, in one phrase.
    using OnReply = std::function<void(const nlohmann::json* answer, const std::string& why)>;

    Call(http::Client& client, Endpoint& endpoint, const Login& login, Question question,
         OnReply on_reply);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

private:
    void send(const char* path, const std::string& body, http::OnDone on_done);
    void log_in();
    void logged_in(const http::Outcome& outcome);
    void ask();
    void answered(const http::Outcome& outcome);
    void fail(const std::string& why);
    void refused(const http::Response& response);

    http::Client& client_;
    Endpoint& endpoint_;
    const Login& login_;
    Question question_;
    OnReply on_reply_;
    event::Duration deadline_;
    bool logged_in_ = false; ///< by this call: a token that fails now is refused for good
    http::RequestId request_ = 0;
};

} // namespace roleswap::witness
