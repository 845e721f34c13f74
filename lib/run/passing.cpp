#include "run/passing.hpp"
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace roleswap::run {
namespace {

/// For the descriptors of one packet.
struct Room {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(packet_descriptors_max * sizeof(int))> bytes{};
};

std::vector<event::UniqueFd> descriptors_of(msghdr& message)
{
    std::vector<event::UniqueFd> found;
    const auto* head = CMSG_FIRSTHDR(&message);
    if (head == nullptr || head->cmsg_type != SCM_RIGHTS) return found;
    std::array<int, packet_descriptors_max> numbers{};
    const auto size = head->cmsg_len - CMSG_LEN(0);
    std::memcpy(numbers.data(), CMSG_DATA(head), size);
    for (std::size_t i = 0; i < size / sizeof(int); ++i) found.emplace_back(numbers.at(i));
    return found;
}

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

std::string read_whole(int file)
{
    std::string text;
    std::array<char, 16 * 1024> part{};
    for (ssize_t got = 0; (got = ::read(file, part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(got));
    return text;
}

bool send_packet(int socket, std::string_view text, std::span<const int> descriptors)
{
    Room room;
    iovec place{const_cast<char*>(text.data()), text.size()};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = room.bytes.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    auto* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
    const auto sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return false;
    event::check(static_cast<int>(sent), "pass descriptors");
    return true;
}

std::optional<Packet> receive_packet(int socket)
{
    static std::array<char, packet_bytes_max> text;
    Room room;
    iovec place{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = room.bytes.data();
    message.msg_controllen = room.bytes.size();
    ssize_t got = 0;
    do got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == ECONNRESET) return std::nullopt; // closed with words of ours unread
    if (event::check(static_cast<int>(got), "receive descriptors") == 0) return std::nullopt;
    return Packet{std::string(text.data(), static_cast<std::size_t>(got)), descriptors_of(message)};
}

} // namespace roleswap::run
