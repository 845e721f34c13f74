#pragma once
#include "cluster.hpp"
#include "pg/connection.hpp"
#include "store/managed.hpp"
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace roleswap::test {

using Kind = core::StoreEvent::Kind;

/// One managed store with the events it told.
class Node final : public store::Handler {
public:
    Node(event::Loop& loop, store::Options options);
    void on_store_turn() override;
    void on_store(const core::StoreEvent& event) override;
    void on_store_note(std::string_view what, const std::string& why) override;

    store::ManagedStore& operator*() { return *store_; }
    store::ManagedStore* operator->() { return store_.get(); }
    /// The daemon's end and its next start; postgres gets no goodbye.
    void restart();
    /// Waits for the event and forgets it with all before; throws with the notes when it stays out.
    core::StoreEvent expect(Kind kind, event::Duration limit = std::chrono::seconds(90));
    bool told(Kind kind) const;
    /// Called before something is told, while it can still be superseded.
    std::function<void()> before;
    /// What was told first since it was forgotten.
    std::optional<Kind> first() const;
    bool noted(const std::string& what) const { return notes_.contains(what); }
    void forget();
    /// All notes so far, "what: why" in lines.
    const std::string& story() const { return story_; }
    const store::Options& options() const { return options_; }
    std::filesystem::path cluster() const;

private:
    void tell(const std::string& line);
    event::Loop& loop_;
    store::Options options_;
    std::vector<core::StoreEvent> events_;
    std::set<std::string> notes_;
    std::string story_;
    std::unique_ptr<store::ManagedStore> store_;
};

/// Two stores on loopback addresses of their own, with two links between them.
struct Pair {
    explicit Pair(const std::function<void(store::Options&)>& adjust = {});
    /// Stops both servers, so that nothing writes into the folder any more.
    ~Pair();
    /// `first` is primary, `second` follows it.
    void join();
    void mirror(Node& primary);
    /// After `join`: `first` works alone, by `only_first`, and ends; `second` becomes primary
    /// without that, and has a row 2 of its own.
    void part(const std::string& only_first);
    event::Loop loop;
    Folder folder;
    Node first;
    Node second;
};

/// Inserts one number after another, each a transaction, and knows which were acknowledged.
class Writer {
public:
    Writer(event::Loop& loop, const std::string& conninfo, int from);
    std::size_t acknowledged() const { return acknowledged_.size(); }
    const std::set<int>& numbers() const { return acknowledged_; }
    double worst_ms() const { return worst_ms_; }
    bool ended() const { return ended_; }
    void stop() { stopping_ = true; }

private:
    void next();
    int number_;
    bool stopping_ = false;
    bool ended_ = false;
    double worst_ms_ = 0;
    event::Duration sent_{0};
    std::set<int> acknowledged_;
    pg::Connection connection_;
};

/// One question to a server; throws pg::Error when it is not answered well.
std::string ask(event::Loop& loop, const std::string& conninfo, const std::string& sql);
std::set<int> numbers(event::Loop& loop, const std::string& conninfo);
double ms(event::Duration duration);

} // namespace roleswap::test
