#include "run/passing.hpp"
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace roleswap::run {
namespace {

using Descriptors = std::array<int, 3>;

/// A message of one byte with room for the descriptors.  Pinned.
struct Packet {
    explicit Packet(char what) : word(what)
    {
        message.msg_iov = &place;
        message.msg_iovlen = 1;
        message.msg_control = room.data();
        message.msg_controllen = room.size();
    }
    Packet(const Packet&) = delete;
    Packet& operator=(const Packet&) = delete;

    char word;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(Descriptors))> room{};
    iovec place{&word, 1};
    msghdr message{};
};

} // namespace

event::UniqueFd memory_file(const char* name, const std::string& text)
{
    event::UniqueFd file(event::check(::memfd_create(name, MFD_CLOEXEC), "make a file in memory"));
    for (std::size_t done = 0; done < text.size();) {
        const auto wrote = ::write(file.get(), text.data() + done, text.size() - done);
        event::check(static_cast<int>(wrote), "fill a file in memory");
        done += static_cast<std::size_t>(wrote);
    }
    event::check(static_cast<int>(::lseek(file.get(), 0, SEEK_SET)), "rewind a file in memory");
    return file;
}

void send_descriptors(int socket, char word, const Descriptors& descriptors)
{
    Packet packet(word);
    auto* head = CMSG_FIRSTHDR(&packet.message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptors);
    std::memcpy(CMSG_DATA(head), descriptors.data(), sizeof descriptors);
    event::check(static_cast<int>(::sendmsg(socket, &packet.message, MSG_DONTWAIT | MSG_NOSIGNAL)),
                 "pass descriptors");
}

std::optional<std::array<event::UniqueFd, 3>> receive_descriptors(int socket, char word)
{
    Packet packet('\0');
    ssize_t got = 0;
    do got = ::recvmsg(socket, &packet.message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    Descriptors descriptors{};
    const auto* head = CMSG_FIRSTHDR(&packet.message);
    if (got != 1 || packet.word != word || head == nullptr ||
        head->cmsg_len != CMSG_LEN(sizeof descriptors))
        return std::nullopt;
    std::memcpy(descriptors.data(), CMSG_DATA(head), sizeof descriptors);
    return std::array{event::UniqueFd(descriptors[0]), event::UniqueFd(descriptors[1]),
                      event::UniqueFd(descriptors[2])};
}

} // namespace roleswap::run
