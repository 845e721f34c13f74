#pragma once
#include "witness/call.hpp"
#include "witness/gateway.hpp"
#include "witness/register.hpp"
#include <functional>
#include <memory>
#include <optional>

namespace roleswap::witness {

/// A question about the register, and the rule that answers it.
struct Task {
    using Judge = std::function<Ruling(const std::optional<Register>&)>;
    std::string key;
    Names names;
    Judge judge;
    /// What the register holds as far as is known.  Spares the reading where that is still so, and
    /// does no harm where it is not.
    std::optional<Register> known{};
};

/// How it ended at one endpoint.
struct Ended {
    enum class Kind : std::uint8_t {
        granted, ///< put, by this attempt
        refused,
        wiped,
        failed, ///< no answer, so nothing is known: it may have been put, or may still be
    };
    Kind kind = Kind::failed;
    std::optional<Register> found{}; ///< what it holds; of `granted`: what was put
    std::string why{};               ///< of `failed`
};

/// Tries the task at one endpoint: reads, judges, puts if nothing changed meanwhile, and judges
/// again where something did.  Any number may be under way with the same task, at different
/// endpoints or at one: each put holds only for the very revision that was judged, so one that is
/// late either fails or changes nothing but the revision.  Pinned.
class Attempt {
public:
    struct Place {
        http::Client& client;
        Endpoint& endpoint;
        const Login& login;
    };
    using OnEnd = std::function<void(const Ended&)>;

    Attempt(Place place, const Task& task, event::Duration limit,
            http::Request::Connection connection, OnEnd on_end);

private:
    void read();
    void put(const std::optional<Register>& read, const Verdict& verdict);
    void ask(const char* path, std::string body, void (Attempt::*then)(const nlohmann::json&));
    template <class Parse> bool parsed(Parse&& parse);
    void on_range(const nlohmann::json& answer);
    void on_put(const nlohmann::json& answer);
    void judge(const std::optional<Register>& found);

    Place place_;
    const Task& task_;
    event::Duration deadline_;
    http::Request::Connection connection_;
    OnEnd on_end_;
    int rounds_ = 0;
    Register sent_; ///< by the put that is under way
    std::unique_ptr<Call> call_;
    std::unique_ptr<Call> last_; ///< whose callback runs
};

} // namespace roleswap::witness
