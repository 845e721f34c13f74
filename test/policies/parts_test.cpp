#include "base/glob.hpp"
#include "work/model.hpp"
#include "work/outages.hpp"
#include "work/pace.hpp"
#include <catch2/catch.hpp>
#include <regex>

using namespace roleswap;
using namespace roleswap::work;
using namespace std::chrono_literals;

TEST_CASE("a rate is a number by second or minute, or none", "[policies]")
{
    CHECK(parse_rate("10/s") == Rate{10, 1s});
    CHECK(parse_rate("60000/m") == Rate{60'000, 60s});
    CHECK(parse_rate("none") == Rate{0, 1s});
    for (const auto* text : {"", "10", "10/h", "0/s", "-1/s", "60001/s", "10 /s", "10/sec", "/s"})
        CHECK_FALSE(parse_rate(text).has_value());
    for (const auto* text : {"10/s", "7/m", "none"}) CHECK(to_string(*parse_rate(text)) == text);
}

TEST_CASE("a pace lets through its rate, whenever it is asked, and never catches up", "[policies]")
{
    const auto* const rate = GENERATE("1/s", "7/s", "15/s", "300/s", "30/m", "1/m");
    Pace pace;
    pace.begin(*parse_rate(rate));
    const auto per_second = pace.rate().runs / static_cast<double>(pace.rate().per / 1s);
    std::size_t runs = 0;
    Pace::Time now = 5s;
    const auto end = now + 300s;
    while (now < end) {
        runs += pace.take(now);
        now += pace.wait();
    }
    CHECK(static_cast<double>(runs) <= per_second * 300 + 1);
    CHECK(static_cast<double>(runs) >= per_second * 300 * 0.9);
    now += 1h; // nobody asked
    CHECK(static_cast<double>(pace.take(now)) <= per_second * 0.1 + 1);
}

TEST_CASE("a pattern is a name with wildcards", "[policies]")
{
    const auto matches = [](const char* pattern, const char* name) {
        return std::regex_match(name, std::regex(base::regex_of_name_pattern(pattern)));
    };
    CHECK(matches("report-*", "report-daily"));
    CHECK(matches("*", "x"));
    CHECK(matches("a.b", "a.b"));
    CHECK_FALSE(matches("a.b", "axb"));
    CHECK(matches("a?c", "abc"));
    CHECK_FALSE(matches("a?c", "abbc"));
    CHECK_FALSE(matches("report", "report-daily"));
    CHECK(base::is_name_pattern("A-z_0.*?"));
    for (const auto* text : {"", "a b", "a|b", "[ab]", "a\\", "(", "a'"})
        CHECK_FALSE(base::is_name_pattern(text));
}

TEST_CASE("an outage is what lies between two signs of life", "[policies]")
{
    const task::Time noon{1'767'268'800s};
    const auto read = [&](Outages& outages, task::Time alive, task::Time now) {
        Outages other(1h);
        other.planned(alive);
        outages.read(other.alive(), outages.outage(), now);
    };
    Outages outages(1h);
    CHECK_FALSE(outages.planned(noon)); // the first ever
    CHECK_FALSE(outages.planned(noon + 1h));
    CHECK_FALSE(outages.covers(noon));
    CHECK(outages.planned(noon + 2h + 1s));
    CHECK(outages.last() == task::Outage{noon + 1h, noon + 2h + 1s});
    CHECK(outages.covers(noon + 2h));
    CHECK_FALSE(outages.covers(noon + 2h + 2s));
    CHECK_FALSE(outages.planned(noon + 2h + 2s));

    SECTION("as the store has it")
    {
        Outages heir(1h);
        read(heir, noon, noon + 3h);
        CHECK(heir.planned(noon + 3h));
        heir.read({}, outages.outage(), noon + 3h);
        CHECK(heir.covers(noon + 2h));
    }
    SECTION("a clock that was ahead covers nothing that is still to come")
    {
        Outages heir(1h);
        heir.read({}, outages.outage(), noon + 90min);
        CHECK_FALSE(heir.covers(noon + 91min));
        read(heir, noon + 10h, noon + 90min);
        CHECK_FALSE(heir.planned(noon + 90min));
    }
    SECTION("a clock that is set back is no outage")
    {
        CHECK_FALSE(outages.planned(noon));
        CHECK_FALSE(outages.planned(noon + 1h));
    }
    SECTION("never, where that is switched off")
    {
        Outages off(0s);
        off.planned(noon);
        CHECK_FALSE(off.planned(noon + 10'000h));
        CHECK(off.period() == 60s);
    }
    SECTION("signs come often enough, and not for each due time")
    {
        CHECK(Outages(2s).period() == 1s);
        CHECK(Outages(1min).period() == 15s);
        CHECK(outages.is_sign_due(noon));
        CHECK_FALSE(outages.is_sign_due(noon + 59s));
        CHECK(outages.is_sign_due(noon + 60s));
        CHECK(outages.is_sign_due(noon)); // set back
    }
}

namespace {

task::Task task_named(const std::string& name, task::Overlap overlap)
{
    task::Task task;
    task.name = name;
    task.schedule = "@yearly";
    task.command = "true";
    task.overlap = overlap;
    return task;
}

/// Tasks "p" (parallel) and "q" (one after another), queues "a" to "c".
Model make_model()
{
    Model model;
    for (const auto* name : {"a", "b", "c"}) model.queues[name];
    for (const auto& task :
         {task_named("p", task::Overlap::parallel), task_named("q", task::Overlap::queue)})
        model.put_task({task, task::schedule_of(task, {}), {}});
    return model;
}

OpenRun waiting(std::int64_t id, const std::string& task, const std::string& queue, int priority)
{
    return {.id = id,
            .task = task,
            .queue = queue,
            .due = Instant(std::chrono::seconds(id)),
            .priority = priority};
}

constexpr Instant late{1000s};
using Ids = std::vector<std::int64_t>;

} // namespace

TEST_CASE("over all queues the highest priority starts first, then the oldest", "[policies]")
{
    auto model = make_model();
    model.add_waiting(waiting(1, "p", "a", 0));
    model.add_waiting(waiting(2, "p", "c", 5));
    model.add_waiting(waiting(3, "p", "b", 5));
    model.add_waiting(waiting(4, "p", "c", -1));
    model.add_waiting(waiting(5, "p", "a", 9));
    CHECK(model.startable(late) == Ids{5, 2, 3, 1, 4});
    CHECK(model.startable(late, 2) == Ids{5, 2});
    model.queues["a"].concurrency = 1;
    CHECK(model.startable(late) == Ids{5, 2, 3, 4});
    model.queues["c"].held = true;
    CHECK(model.startable(late) == Ids{5, 3});
}

TEST_CASE("no run of a task without overlap starts before one that has begun", "[policies]")
{
    auto model = make_model();
    auto retry = waiting(1, "q", "a", 0);
    retry.attempt = 2;
    retry.not_before = late + 5s;
    model.add_waiting(retry);
    model.add_waiting(waiting(2, "q", "a", 0));
    model.add_waiting(waiting(3, "q", "b", 50));
    CHECK(model.startable(late).empty());
    CHECK(model.next_retry(late) == late + 5s);
    CHECK(model.startable(late + 5s) == Ids{1});
    model.claim(1);
    CHECK(model.startable(late + 5s).empty());
    model.forget(1);
    CHECK(model.startable(late + 5s) == Ids{3});
}

TEST_CASE("a run that waits for its time lets others pass, but for its jitter", "[policies]")
{
    auto model = make_model();
    auto asked = waiting(1, "q", "a", 0); // by an application, for later
    asked.not_before = late + 1h;
    model.add_waiting(asked);
    model.add_waiting(waiting(2, "q", "a", 0));
    CHECK(model.startable(late) == Ids{2});
    model.tasks.at("q").task.jitter = 2h;
    CHECK(model.startable(late).empty());
}

TEST_CASE("a queue that is too long forgets its last runs, not those that wait for a time",
          "[policies]")
{
    auto model = make_model();
    for (int id = 1; id <= 6; ++id) model.add_waiting(waiting(id, "p", "a", 0));
    auto later = waiting(9, "p", "a", 0);
    later.not_before = late;
    model.add_waiting(later);
    const auto& queue = model.queues["a"];
    CHECK(queue.ready() == 6);
    model.shorten("a", 4);
    CHECK(queue.ready() == 4);
    CHECK(queue.later == 1);
    CHECK(queue.more);
    CHECK(model.open.contains(4));
    CHECK_FALSE(model.open.contains(5));
    CHECK(queue.is_known_place(turn_of(waiting(8, "p", "a", 1))));
    CHECK(queue.is_known_place(turn_of(waiting(4, "p", "a", 0))));
    CHECK_FALSE(queue.is_known_place(turn_of(waiting(8, "p", "a", 0))));
    CHECK(model.load("p").waiting == 5);
}
