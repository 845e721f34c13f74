#include "fence/secrets.hpp"
#include "event/fd.hpp"
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roleswap::fence {
namespace {

struct Read {
    std::string value;
    std::string trouble;
};

Read read_first_line(const std::string& path)
{
    const event::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0)
        return {"", fmt::format("{}: {}", path, std::strerror(errno))};
    if ((info.st_mode & 077) != 0)
        return {"", fmt::format("{} has mode {:04o}: others may read it; chmod 0600 {}", path,
                                info.st_mode & 07777, path)};
    std::array<char, 1024> buffer{};
    const auto got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0) return {"", fmt::format("{}: {}", path, std::strerror(errno))};
    const std::string text(buffer.data(), static_cast<std::size_t>(got));
    auto line = text.substr(0, text.find_first_of("\r\n"));
    if (line.empty()) return {"", path + ": the first line is empty"};
    return {std::move(line), ""};
}

} // namespace

void Secrets::load()
{
    trouble_.clear();
    for (const auto& [option, path] : files_) {
        auto read = read_first_line(path);
        if (read.trouble.empty())
            values_[option] = std::move(read.value);
        else
            trouble_ = read.trouble;
    }
}

std::string Secrets::hidden(std::string text) const
{
    for (const auto& [option, value] : values_)
        for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at + 3))
            text.replace(at, value.size(), "***");
    return text;
}

} // namespace roleswap::fence
