// A second roleswapd on the data folder of a first one.
#include "durable/file.hpp"
#include "durable/lock.hpp"
#include "event/fd.hpp"
#include "link/pair_key.hpp"
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <sodium.h>
#include <sys/wait.h>
#include <unistd.h>

namespace roleswap::lock_test {

namespace {

class Folder {
public:
    Folder()
    {
        std::string text = std::filesystem::temp_directory_path() / "roleswap-lock-XXXXXX";
        REQUIRE(::mkdtemp(text.data()) != nullptr);
        path_ = text;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string path(const char* name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// Another process that has the lock until it is killed.
class Holder {
public:
    explicit Holder(const std::string& folder)
    {
        std::array<int, 2> ends{};
        event::check(::pipe(ends.data()), "make a pipe");
        const event::UniqueFd told(ends[0]);
        event::UniqueFd tell(ends[1]);
        pid_ = event::check(::fork(), "fork");
        if (pid_ == 0) {
            const durable::FolderLock lock(folder);
            if (::write(tell.get(), "x", 1) == 1)
                while (true) ::pause();
            ::_exit(1);
        }
        tell.reset();
        char byte = 0;
        REQUIRE(::read(told.get(), &byte, 1) == 1);
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    ~Holder() { kill(); }
    pid_t pid() const { return pid_; }
    void kill()
    {
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

private:
    pid_t pid_ = 0;
};

void write_configuration(const Folder& folder)
{
    link::write_pair_key(folder.path("pair.key"), link::generate_pair_key("alpha"));
    durable::replace(folder.path("roleswap.toml"),
                     "[pair]\nname = \"alpha\"\nkey_file = \"" + folder.path("pair.key") +
                         "\"\n[[node]]\nname = \"left\"\ndata_dir = \"" + folder.path("data") +
                         "\"\nrun_dir = \"" + folder.path("run") +
                         "\"\n[[node]]\nname = \"right\"\n[[link]]\nname = \"a\"\n"
                         "address = { left = \"127.0.0.1\", right = \"127.0.0.2\" }\n",
                     0600);
}

} // namespace

TEST_CASE("a second daemon on a data folder names the first and changes nothing", "[daemon]")
{
    REQUIRE(sodium_init() >= 0);
    const Folder folder;
    write_configuration(folder);
    const Holder first(folder.path("data"));
    const auto command = std::string(std::getenv("ROLESWAPD")) + " --node left --config " +
                         folder.path("roleswap.toml") + " >" + folder.path("output") + " 2>&1";
    const int status = std::system(command.c_str());
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 1);
    CHECK(durable::read(folder.path("output")) ==
          "roleswapd: another roleswapd, process " + std::to_string(first.pid()) +
              ", has the data folder " + folder.path("data") +
              ": stop it first, or give this one a data_dir of its own\n");
    CHECK_FALSE(std::filesystem::exists(folder.path("data") + "/record"));
    CHECK_FALSE(std::filesystem::exists(folder.path("run")));
}

TEST_CASE("the lock ends with the process that has it, however that ends", "[daemon]")
{
    const Folder folder;
    Holder first(folder.path("data"));
    CHECK_THROWS_AS(durable::FolderLock(folder.path("data")), std::runtime_error);
    first.kill();
    CHECK_NOTHROW(durable::FolderLock(folder.path("data")));
}

} // namespace roleswap::lock_test
