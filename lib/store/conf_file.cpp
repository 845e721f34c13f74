#include "store/conf_file.hpp"
#include "config/reserved_settings.hpp"
#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fstream>
#include <stdexcept>

namespace roleswap::store {

namespace fs = std::filesystem;

namespace {

constexpr int depth_max = 10; ///< of includes, as PostgreSQL has it (CONF_FILE_MAX_DEPTH)
constexpr std::string_view begin_mark = "# roleswap: begin, written by roleswapd, edits are lost\n";
constexpr std::string_view end_mark = "# roleswap: end\n";

bool is_name_letter(char c)
{
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

void skip_space(std::string_view& text)
{
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
        text.remove_prefix(1);
}

/// Two quotes are one; so is a quote after a backslash.
std::string quoted_value(std::string_view text)
{
    std::string value;
    for (std::size_t at = 1; at < text.size(); ++at) {
        const bool more = at + 1 < text.size();
        if (text[at] == '\\' && more)
            value += text[++at];
        else if (text[at] == '\'' && more && text[at + 1] == '\'')
            value += text[++at];
        else if (text[at] == '\'')
            break;
        else
            value += text[at];
    }
    return value;
}

} // namespace

std::string ConfValue::describe(std::string_view name) const
{
    return fmt::format("{} = {} ({}:{})", name, value, file.string(), line);
}

ConfLine parse_conf_line(std::string_view line)
{
    ConfLine found;
    skip_space(line);
    while (!line.empty() && is_name_letter(line.front())) {
        found.name += static_cast<char>(std::tolower(static_cast<unsigned char>(line.front())));
        line.remove_prefix(1);
    }
    skip_space(line);
    if (line.starts_with('=')) line.remove_prefix(1);
    skip_space(line);
    if (line.starts_with('\'')) {
        found.value = quoted_value(line);
    } else {
        const auto end = line.find_first_of("# \t\r\n");
        found.value = line.substr(0, end);
    }
    return found;
}

ConfFiles::ConfFiles(const fs::path& conf, const fs::path& data)
    : ConfFiles(without(conf, data, {}))
{
}

ConfFiles ConfFiles::without(const fs::path& conf, const fs::path& data, const fs::path& left_out)
{
    if (!fs::exists(conf)) throw std::runtime_error(conf.string() + " is not there");
    ConfFiles files;
    files.left_out_ = left_out;
    files.read(conf, 0);
    files.read(data / "postgresql.auto.conf", 0);
    return files;
}

const ConfValue* ConfFiles::find(const std::string& name) const
{
    const auto place = values_.find(name);
    return place == values_.end() ? nullptr : &place->second;
}

std::string ConfFiles::value(const std::string& name, std::string_view otherwise) const
{
    const auto* found = find(name);
    return found == nullptr ? std::string(otherwise) : found->value;
}

bool ConfFiles::includes(const fs::path& folder) const
{
    return std::ranges::find(folders_, folder.lexically_normal()) != folders_.end();
}

void ConfFiles::read(const fs::path& file, int depth)
{
    if (depth > depth_max || file == left_out_) return;
    std::ifstream in(file);
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
        auto [name, value] = parse_conf_line(line);
        if (!name.empty()) take(name, {std::move(value), file, number}, depth);
    }
}

void ConfFiles::take(const std::string& name, ConfValue value, int depth)
{
    const auto target = value.file.parent_path() / value.value; // an absolute one stays as it is
    if (name == "include_dir")
        read_folder(target.lexically_normal(), depth + 1);
    else if (name == "include" || name == "include_if_exists")
        read(target, depth + 1);
    else
        values_[name] = std::move(value);
}

void ConfFiles::read_folder(const fs::path& folder, int depth)
{
    folders_.push_back(folder);
    std::error_code missing;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder, missing)) {
        const auto name = entry.path().filename().string();
        if (name.ends_with(".conf") && !name.starts_with('.')) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const auto& file : files) read(file, depth);
}

std::string without_reserved(std::string_view auto_conf)
{
    std::string kept;
    while (!auto_conf.empty()) {
        const auto end = std::min(auto_conf.find('\n'), auto_conf.size() - 1) + 1;
        const auto line = auto_conf.substr(0, end);
        auto_conf.remove_prefix(end);
        if (!config::is_reserved_setting(parse_conf_line(line).name)) kept += line;
    }
    return kept;
}

std::string with_block(std::string_view text, std::string_view block)
{
    std::string rest(text);
    const auto begin = rest.find(begin_mark);
    const auto end = rest.find(end_mark, begin == std::string::npos ? rest.size() : begin);
    if (end != std::string::npos) rest.erase(begin, end + end_mark.size() - begin);
    return fmt::format("{}{}{}{}", begin_mark, block, end_mark, rest);
}

} // namespace roleswap::store
