#include "durable/record_file.hpp"
#include "durable/file.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <stdexcept>
#include <vector>

namespace roleswap::durable {
namespace {

using core::Mode;
using core::Node;

/// By the value of core::Node.
constexpr std::array<std::string_view, 3> node_names{"first", "second", "dr"};
constexpr std::array<std::string_view, 3> versions{"1", "2", "3"};

class Reader {
public:
    Reader(std::string_view text, std::string_view path) : rest_(text), path_(path) {}

    /// The value of the next line, which must be "`key` value".
    std::string_view value(std::string_view key)
    {
        ++line_;
        const auto end = rest_.find('\n');
        if (end == std::string_view::npos)
            fail(fmt::format("\"{} ...\" expected, the file ends here", key));
        const auto line = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ')
            fail(fmt::format("read \"{}\", \"{} ...\" expected", line, key));
        return line.substr(key.size() + 1);
    }

    std::uint64_t number(std::string_view key)
    {
        const auto text = value(key);
        std::uint64_t result = 0;
        const char* end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, result);
        if (parsed.ec != std::errc{} || parsed.ptr != end || text.empty())
            fail(fmt::format("{} is \"{}\", a whole number expected", key, text));
        return result;
    }

    /// Index of the value.
    template <std::size_t count>
    std::size_t one_of(std::string_view key, const std::array<std::string_view, count>& allowed)
    {
        const auto text = value(key);
        const auto found = std::find(allowed.begin(), allowed.end(), text);
        if (found == allowed.end())
            fail(fmt::format("{} is \"{}\", allowed: {}", key, text, fmt::join(allowed, ", ")));
        return static_cast<std::size_t>(found - allowed.begin());
    }

    /// True for `yes`, false for `no`.
    bool either(std::string_view key, std::string_view yes, std::string_view no)
    {
        const auto text = value(key);
        if (text != yes && text != no)
            fail(fmt::format("{} is \"{}\", allowed: {}, {}", key, text, yes, no));
        return text == yes;
    }

    void end()
    {
        ++line_;
        if (!rest_.empty()) fail("nothing more expected here");
    }

private:
    [[noreturn]] void fail(const std::string& why) const
    {
        throw std::runtime_error(fmt::format(
            "{}:{}: {}; the record is damaged: remove it and run \"roleswap join\" on this node",
            path_, line_, why));
    }
    std::string_view rest_;
    std::string_view path_;
    int line_ = 0;
};

} // namespace

std::string format_record(const NodeRecord& record)
{
    const bool doubt = record.doubt != 0; // else as older versions of roleswap read it
    return fmt::format("roleswap-record {}\nepoch {}\nmaster {}\nmode {}\nround {}\nboots {}\n{}",
                       doubt ? 3 : 2, record.role.epoch,
                       node_names.at(static_cast<std::size_t>(record.role.master)),
                       core::to_string(record.role.mode), record.role.round, record.boots,
                       doubt ? fmt::format("doubt {}\n", record.doubt) : "");
}

NodeRecord parse_record(std::string_view text, std::string_view path)
{
    Reader reader(text, path);
    NodeRecord record;
    const auto version = 1 + reader.one_of("roleswap-record", versions);
    record.role.epoch = reader.number("epoch");
    record.role.master = static_cast<Node>(reader.one_of("master", node_names));
    record.role.mode = reader.either("mode", "mirrored", "alone") ? Mode::mirrored : Mode::alone;
    if (version >= 2) record.role.round = reader.number("round");
    record.boots = reader.number("boots");
    if (version >= 3) record.doubt = reader.number("doubt");
    reader.end();
    return record;
}

std::uint64_t boots_of_new_record()
{
    using namespace std::chrono;
    const auto now = system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(duration_cast<seconds>(now).count());
}

std::string record_path(const std::string& data_dir)
{
    return data_dir + "/record";
}

std::optional<NodeRecord> load_record(const std::string& path)
{
    const auto text = read(path);
    if (!text) return std::nullopt;
    return parse_record(*text, path);
}

void save_record(const std::string& path, const NodeRecord& record)
{
    replace_in_reserve(path, format_record(record), 0644);
}

} // namespace roleswap::durable
