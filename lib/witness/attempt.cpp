#include "witness/attempt.hpp"
#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace roleswap::witness {
namespace {

using nlohmann::json;

/// So often the register may change between reading and putting.  Verdicts are rare: more is no
/// race but a fault.
constexpr int rounds_max = 8;

} // namespace

Attempt::Attempt(Place place, const Task& task, event::Duration limit,
                 http::Request::Connection connection, OnEnd on_end)
    : place_(place), task_(task), deadline_(event::Loop::now() + limit), connection_(connection),
      on_end_(std::move(on_end))
{
    const auto ruling = task_.known ? task_.judge(task_.known) : Ruling{};
    if (ruling.step == Ruling::Step::put)
        put(task_.known, ruling.verdict);
    else
        read();
}

void Attempt::ask(const char* path, std::string body, void (Attempt::*then)(const json&))
{
    const auto left = deadline_ - event::Loop::now();
    last_ = std::move(call_);
    call_ = std::make_unique<Call>(place_.client, place_.endpoint, place_.login,
                                   Question{path, std::move(body), left, connection_},
                                   [this, then](const json* answer, const std::string& why) {
                                       if (answer == nullptr)
                                           return on_end_({Ended::Kind::failed, {}, why});
                                       (this->*then)(*answer);
                                   });
}

/// Runs `parse`; false, and the attempt has ended, where the answer was not what etcd says.
template <class Parse> bool Attempt::parsed(Parse&& parse)
{
    std::string why;
    try {
        parse();
        return true;
    } catch (const json::exception& error) {
        why = error.what();
    } catch (const std::runtime_error& error) {
        why = error.what();
    }
    on_end_({Ended::Kind::failed, {}, "what answers there is no etcd: " + shown(why)});
    return false;
}

void Attempt::read()
{
    ask(range_path, range_body(task_.key), &Attempt::on_range);
}

void Attempt::on_range(const json& answer)
{
    std::optional<Register> found;
    if (parsed([&] { found = parse_range(answer, task_.names); })) judge(found);
}

void Attempt::put(const std::optional<Register>& read, const Verdict& verdict)
{
    sent_ = {encode(verdict, task_.names), verdict};
    ask(txn_path, put_body(task_.key, read, sent_.text), &Attempt::on_put);
}

void Attempt::on_put(const json& answer)
{
    PutAnswer put;
    if (!parsed([&] { put = parse_put(answer, task_.names); })) return;
    if (!put.done) return judge(put.found);
    sent_.mod_revision = put.mod_revision;
    on_end_({Ended::Kind::granted, sent_});
}

void Attempt::judge(const std::optional<Register>& found)
{
    const auto ruling = task_.judge(found);
    switch (ruling.step) {
    case Ruling::Step::refused:
        return on_end_({Ended::Kind::refused, found});
    case Ruling::Step::wiped:
        return on_end_({Ended::Kind::wiped, found});
    case Ruling::Step::put:
        break;
    }
    if (++rounds_ > rounds_max)
        return on_end_({Ended::Kind::failed, found, "the register changes all the time"});
    put(found, ruling.verdict);
}

} // namespace roleswap::witness
