#include "secret.hpp"
#include "context.hpp"
#include "event/fd.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <libpq-fe.h>
#include <memory>
#include <stdexcept>
#include <termios.h>
#include <unistd.h>

namespace roleswap::cli {
namespace {

constexpr std::size_t password_min = 12;
constexpr std::size_t password_max = 1000;

/// The terminal without echo, until the end of the scope.
class Silence {
public:
    explicit Silence(int terminal) : terminal_(terminal)
    {
        if (tcgetattr(terminal_, &before_) != 0)
            throw UsageError("The terminal cannot be silenced.");
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent.c_lflag |= ECHONL;
        tcsetattr(terminal_, TCSAFLUSH, &silent);
    }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;
    ~Silence() { tcsetattr(terminal_, TCSAFLUSH, &before_); }

private:
    int terminal_;
    termios before_{};
};

std::string first_line(int fd)
{
    std::string line;
    for (char letter = 0; line.size() <= password_max;) {
        const auto got = ::read(fd, &letter, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || letter == '\n') break;
        line += letter;
    }
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

std::string ask(const std::string& prompt)
{
    const event::UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    if (!terminal)
        throw UsageError(
            "There is no terminal to ask for the password; give --password-file FILE.");
    const Silence silence(terminal.get());
    if (::write(terminal.get(), prompt.data(), prompt.size()) < 0)
        throw UsageError("The terminal cannot be written to.");
    return first_line(terminal.get());
}

std::string from_file(const std::string& file)
{
    if (file == "-") return first_line(STDIN_FILENO);
    const event::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw UsageError(printable(file) + " cannot be read: " + std::strerror(errno) + ".");
    return first_line(fd.get());
}

} // namespace

std::string read_password(const std::string& file, const std::string& prompt)
{
    auto password = file.empty() ? ask(prompt) : from_file(file);
    if (password.empty()) throw UsageError("The password is empty.");
    return password;
}

std::string read_new_password(const std::string& file)
{
    auto password = read_password(file, "New admin password: ");
    if (password.size() < password_min || password.size() > password_max)
        throw UsageError("The password has " + std::to_string(password.size()) +
                         " characters; 12 to 1000 are allowed.");
    if (file.empty() && ask("The same again: ") != password)
        throw UsageError("The two were not the same.");
    return password;
}

std::string scram_verifier(const std::string& password, const std::string& role)
{
    // The algorithm is given, so nothing is asked of a server; the handle only holds the error.
    const std::unique_ptr<PGconn, void (*)(PGconn*)> handle(
        PQconnectStart("host=/nonexistent"), [](PGconn* connection) { PQfinish(connection); });
    const std::unique_ptr<char, void (*)(void*)> text(
        PQencryptPasswordConn(handle.get(), password.c_str(), role.c_str(), "scram-sha-256"),
        [](void* memory) { PQfreemem(memory); });
    if (!text)
        throw std::runtime_error("the password cannot be used: " +
                                 std::string(PQerrorMessage(handle.get())));
    return text.get();
}

} // namespace roleswap::cli
