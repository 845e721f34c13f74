#include "store/spool.hpp"
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace roleswap::store {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

} // namespace

Spool::Spool(std::filesystem::path folder, std::string stem)
    : folder_(std::move(folder)), stem_(std::move(stem)), draft_(folder_ / (stem_ + ".new")),
      file_(event::check(
          ::open(draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600),
          "make " + draft_.string()))
{
}

Spool::~Spool()
{
    if (!file_) return;
    ::unlink(draft_.c_str());
}

void Spool::add(std::string_view line)
{
    waiting_.append(line).push_back('\n');
    ++lines_;
    if (waiting_.size() >= piece_bytes) write_out();
}

void Spool::write_out()
{
    std::string_view text = waiting_;
    for (const char letter : text)
        digest_ = (digest_ ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
    while (!text.empty()) {
        const auto written = ::write(file_.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        event::check(static_cast<int>(written), "write " + draft_.string());
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    waiting_.clear();
}

void Spool::finish()
{
    write_out();
    event::check(::fsync(file_.get()), "sync " + draft_.string());
    const auto path = folder_ / fmt::format("{}-{:016x}.jsonl", stem_, digest_);
    event::check(::rename(draft_.c_str(), path.c_str()), "rename to " + path.string());
    file_.reset();
    const event::UniqueFd at(event::check(
        ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open " + folder_.string()));
    event::check(::fsync(at.get()), "sync " + folder_.string());
}

} // namespace roleswap::store
