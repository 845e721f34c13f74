#pragma once
#include "event/loop.hpp"
#include "event/process.hpp"
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace roleswap::test {

/// Newest PostgreSQL folder of programs on this machine; ends the test as skipped (77) when none.
std::string bin_dir();
/// Who postgres runs as when the test is root.
std::string os_user();

/// A folder of this test alone that the user above can enter; removed with its holder.
class Folder {
public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Turns the loop until `done`; false after `limit`.
bool wait(event::Loop& loop, const std::function<bool()>& done,
          event::Duration limit = std::chrono::seconds(60));

/// A bare cluster for the tests of lib/pg: socket only, everybody trusted.
class Cluster {
public:
    explicit Cluster(event::Loop& loop);
    ~Cluster();
    void start();
    /// SIGKILL to the postmaster, then waits until it is reaped.
    void kill();
    std::string conninfo() const;

private:
    event::Command command(std::vector<std::string> argv) const;
    event::Loop& loop_;
    Folder folder_;
    bool running_ = false;
    std::string log_;
    std::unique_ptr<event::Process> postgres_;
};

} // namespace roleswap::test
