#pragma once
#include "event/loop.hpp"
#include "http/client.hpp"
#include "witness/decision.hpp"
#include "witness/look.hpp"
#include "witness/watcher.hpp"
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace roleswap::witness {

struct Options {
    std::vector<std::string> endpoints; ///< "https://host:port", of one etcd or one cluster
    http::Tls tls;
    Login login;
    std::string pair;
    Names names;
    event::Duration look_every = std::chrono::seconds(2);
    event::Duration look_limit = std::chrono::seconds(1);
    /// Between two events; what changes meanwhile is told afterwards, if it still is so.
    event::Duration event_gap = std::chrono::seconds(10);
};

/// Answer of the witness to a decision.
struct Answer {
    enum class Kind : std::uint8_t {
        granted,     ///< the register holds the value, or what the same master put later
        refused,     ///< it holds `found`, which is later than what was seen
        unreachable, ///< no answer within the limit: the value may be there, or may still come
        wiped,       ///< there is no register of this pair; only an operator makes one
    };
    Kind kind = Kind::unreachable;
    std::optional<Verdict> found{}; ///< what the register holds, where it holds a verdict
    std::string why{};              ///< one sentence
    event::Duration took{0};
};

/// What `create` does with a register that is there.
enum class Existing : std::uint8_t { keep, replace };

/// How the witness stands, by the newest look.
enum class Health : std::uint8_t {
    unknown, ///< not looked yet
    well,    ///< answers, and holds a verdict of this pair
    lost,    ///< no endpoint answers
    wiped,   ///< answers, and holds no verdict of this pair
    split,   ///< the endpoints belong to different etcds: no decision is asked of them
};
std::string_view to_string(Health health);

struct Status {
    Health health = Health::unknown;
    std::string why; ///< one sentence; empty while well
    std::optional<Verdict> verdict;
    std::vector<View> endpoints;
    std::optional<Answer> last; ///< of the newest decision
};

/// The third party of a pair: one key of an etcd, changed only by compare-and-put
/// (roleswap-protocol(7)). Nothing rests on etcd's leases or clocks.  Looks every few seconds, and
/// whenever the key changes.  Callbacks come at a later turn, and must not destroy the witness.
/// Pinned.
class Witness {
public:
    using OnAnswer = std::function<void(const Answer&)>;
    struct Callbacks {
        /// witness_lost, witness_back, witness_wiped, witness_split; at most one per gap.
        std::function<void(std::string_view what, const std::string& why)> on_event;
        std::function<void()> on_look; ///< after each look
    };

    Witness(event::Loop& loop, Options options, Callbacks callbacks);

    /// Puts the later of `value` and what the register holds, if what it holds is not later than
    /// `seen` or comes from the master of `value`.  Ends an earlier decision that is under way,
    /// whose answer then never comes and which sends nothing more.
    void decide(const Verdict& seen, const Verdict& value, event::Duration limit,
                OnAnswer on_answer);
    /// Makes the register; `refused` where one is there and is to be kept.
    void create(const Verdict& value, Existing existing, event::Duration limit, OnAnswer on_answer);
    /// Looks at all endpoints now.
    void look(std::function<void()> done);

    Status status() const;

private:
    Decision* start(Task task, event::Duration limit, OnAnswer on_answer);
    void on_end(const Ended& end, const Endpoint* who, event::Duration began,
                const OnAnswer& on_answer);
    std::vector<Endpoint*> by_likelihood();
    void begin_look();
    void looked();
    void judge_looks();
    void announce();
    void run_later();
    void answer_later(Answer answer, OnAnswer on_answer);

    event::Loop& loop_;
    Options options_;
    Callbacks callbacks_;
    std::string key_;
    http::Client client_;
    std::vector<std::unique_ptr<Endpoint>> endpoints_;
    std::size_t best_ = 0; ///< index of the endpoint that answered last
    std::vector<View> views_;
    Health health_ = Health::unknown;
    Health before_ = Health::unknown; ///< of the look before: a change must be seen twice
    Health told_ = Health::unknown;
    std::string why_;
    std::optional<event::Duration> told_at_; ///< when something was told last
    std::optional<Register> register_;       ///< newest known
    std::optional<Answer> last_;
    Watcher watcher_;
    std::unique_ptr<Look> look_;
    bool look_again_ = false; ///< somebody wants a look that began later than the one under way
    std::vector<std::function<void()>> waiting_; ///< for the look under way
    std::vector<std::function<void()>> waiting_next_;
    std::vector<std::unique_ptr<Decision>> decisions_;
    Decision* deciding_ = nullptr; ///< the newest that `decide` began
    std::deque<std::function<void()>> later_;
    event::Deferred run_later_;
    event::Timer look_timer_;
};

} // namespace roleswap::witness
