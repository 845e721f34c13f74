#pragma once
#include "witness/call.hpp"
#include "witness/register.hpp"
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace roleswap::witness {

/// One endpoint, as the newest look found it.
struct View {
    std::string url{};
    bool up = false;
    std::string why{};          ///< where it is not up
    event::Duration latency{0}; ///< of the linearizable read
    std::string cluster{};
    std::string member{};
    std::string version{};
    std::optional<Register> found{}; ///< empty: no such key
};

/// Reads the register and the state of each endpoint, all at once.  Pinned; may not be destroyed
/// inside `on_end`.
class Look {
public:
    struct Parties {
        http::Client& client;
        const Login& login;
        const Names& names;
        std::string key;
        event::Duration limit;
    };
    Look(Parties parties, const std::vector<std::unique_ptr<Endpoint>>& endpoints,
         std::function<void()> on_end);
    const std::vector<View>& views() const { return views_; }

private:
    struct Line {
        event::Duration began{0};
        std::unique_ptr<Call> read{};
        std::unique_ptr<Call> status{};
    };
    void on_read(std::size_t index, const nlohmann::json* answer, const std::string& why);
    void on_status(std::size_t index, const nlohmann::json* answer);
    void end_one();

    Parties parties_;
    std::function<void()> on_end_;
    std::vector<Endpoint*> endpoints_;
    std::vector<View> views_;
    std::vector<Line> lines_;
    std::size_t left_;
};

} // namespace roleswap::witness
