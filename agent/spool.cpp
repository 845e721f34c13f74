#include "spool.hpp"
#include "durable/file.hpp"
#include <array>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

namespace roleswap::agent {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string random_text()
{
    std::array<unsigned char, 16> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    std::string text;
    for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

/// Empty, or what hindered it.
std::string replace(const std::string& path, const std::string& text)
{
    try {
        durable::replace(path, text, 0600);
        return {};
    } catch (const std::system_error& error) {
        return error.what();
    }
}

std::optional<Key> key_of(const std::string& name)
{
    Key key;
    const auto* end = name.data() + name.size();
    const auto run = std::from_chars(name.data(), end, key.run);
    if (run.ec != std::errc{} || run.ptr == end || *run.ptr != '-') return std::nullopt;
    const auto attempt = std::from_chars(run.ptr + 1, end, key.attempt);
    if (attempt.ec != std::errc{} || attempt.ptr != end) return std::nullopt;
    return key;
}

std::optional<Spool::Record> read_record(const Key& key, const std::string& path)
{
    const auto object = json::parse(durable::read(path).value_or(""), nullptr, false);
    if (!object.is_object() || !object.contains("task")) return std::nullopt;
    Spool::Record record{
        key, object.value("task", ""), object.value("begun_us", std::int64_t{0}), {}};
    if (object.contains("result")) record.result = object["result"];
    return record;
}

} // namespace

Spool::Spool(durable::Writer& writer, std::string folder)
    : writer_(writer), folder_(std::move(folder)), process_(random_text())
{
    durable::make_folders(folder_ + "/runs", 0700);
    const auto text = durable::read(folder_ + "/identity");
    const auto known = json::parse(text.value_or("{}"), nullptr, false);
    if (!known.is_object())
        throw std::runtime_error(folder_ + "/identity is damaged: move " + folder_ +
                                 " away; what ran here is then of unknown end");
    identity_ = known.value("spool", "");
    epoch_ = known.value("epoch", std::uint64_t{0});
    if (!identity_.empty()) return;
    identity_ = random_text();
    durable::replace(folder_ + "/identity", json{{"spool", identity_}, {"epoch", 0}}.dump(), 0600);
}

std::vector<Spool::Record> Spool::load() const
{
    std::vector<Record> records;
    for (const auto& entry : fs::directory_iterator(folder_ + "/runs")) {
        const auto key = key_of(entry.path().filename().string());
        if (!key) continue; // of a write that was cut, or put aside
        if (auto record = read_record(*key, entry.path().string()))
            records.push_back(std::move(*record));
        else // it had begun, or there would be no file
            records.push_back({*key, "", 0, std::nullopt});
    }
    return records;
}

std::string Spool::path_of(const Key& key) const
{
    return fmt::format("{}/runs/{}-{}", folder_, key.run, key.attempt);
}

void Spool::put(const Record& record, Done done)
{
    json object{{"task", record.task}, {"begun_us", record.begun_us}};
    if (record.result) object["result"] = *record.result;
    write(path_of(record.key), object.dump(-1, ' ', false, json::error_handler_t::replace),
          std::move(done));
}

void Spool::saw(std::uint64_t epoch, Done done)
{
    epoch_ = epoch;
    write(folder_ + "/identity", json{{"spool", identity_}, {"epoch", epoch}}.dump(),
          std::move(done));
}

void Spool::write(std::string path, std::string text, Done done)
{
    const auto ticket = ++tickets_;
    auto& one = writes_[ticket];
    one = {std::move(path), std::move(text), std::move(done), {}};
    writer_.run([&one] { one.trouble = replace(one.path, one.text); },
                [this, ticket] {
                    const auto written = writes_.extract(ticket);
                    written.mapped().done(written.mapped().trouble);
                });
}

/// One that comes back after a power cut is delivered again, which is harmless.
void Spool::remove(const std::vector<Key>& keys)
{
    std::vector<std::string> paths;
    for (const auto& key : keys) paths.push_back(path_of(key));
    writer_.run(
        [paths = std::move(paths)] {
            for (const auto& path : paths) ::unlink(path.c_str());
        },
        [] {});
}

} // namespace roleswap::agent
