#pragma once
#include "bus/error.hpp"
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>

namespace roleswap::bus {

struct Call;
struct DropCall {
    void operator()(Call* call) const noexcept;
};

/// The answer that one call waits for.  May be kept as long as wanted, also beyond the client's
/// connection and beyond the server: then the answer goes nowhere.  Destroyed without an answer it
/// answers Failed, so that no client waits for nothing.
class Responder {
public:
    /// Made by the server only.
    explicit Responder(std::unique_ptr<Call, DropCall> call) noexcept;
    Responder(Responder&&) noexcept = default;
    Responder& operator=(Responder&&) noexcept = default;

    /// Exactly one of the two, once; a second answer is a bug and aborts.
    void done(const nlohmann::json& result);
    void fail(const Error& error);

    bool answered() const { return !call_; }
    /// False once the client has gone: work that is for its eyes only may stop.
    bool wanted() const;

private:
    std::unique_ptr<Call, DropCall> call_;
};

/// Responders that wait under a number, for callbacks that must be copyable (std::function cannot
/// hold a Responder).  Answering a number twice, or one never given, is ignored: the first answer
/// stands.
class Waiting {
public:
    using Ticket = std::uint64_t;
    Ticket add(Responder responder);
    void done(Ticket ticket, const nlohmann::json& result);
    void fail(Ticket ticket, const Error& error);
    void fail_all(const Error& error);
    std::size_t size() const { return waiting_.size(); }

private:
    std::map<Ticket, Responder> waiting_;
    Ticket next_ = 1;
};

} // namespace roleswap::bus
