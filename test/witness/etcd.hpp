#pragma once
#include "event/process.hpp"
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace roleswap::test {

/// Empty where the package etcd-server is not installed.
std::string etcd_path();

/// A TCP port of 127.0.0.1 that nobody has now.
int free_port();

/// Turns the loop until `done`; false after `limit`.
bool wait(event::Loop& loop, const std::function<bool()>& done,
          event::Duration limit = std::chrono::seconds(30));

/// A folder of this test alone, removed with its holder.
class Folder {
public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// An authority, and what it signed: ca.pem, server.pem, server.key, client.pem, client.key.
class Certificates {
public:
    explicit Certificates(event::Loop& loop);
    std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

private:
    void sign(event::Loop& loop, const std::string& name, const std::string& usage);
    Folder folder_;
};

/// One etcd with a data folder of its own, alone or as a member of a cluster; killed with its
/// holder.
class Etcd {
public:
    struct Member {
        std::string name = "default";
        int client_port = free_port();
        int peer_port = free_port();
        std::string peer_url() const;
    };
    Etcd(event::Loop& loop, Member own, const std::vector<Member>& cluster,
         const Certificates* tls = nullptr);
    explicit Etcd(event::Loop& loop, const Certificates* tls = nullptr);
    ~Etcd();
    Etcd(const Etcd&) = delete;
    Etcd& operator=(const Etcd&) = delete;

    /// Begins; `ready` waits until it serves.
    void start();
    void ready();
    void kill();
    /// Kills it, removes its data and starts it as new.
    void wipe();
    /// Returns when every thread of it stands still.
    void freeze();
    void thaw() { process_->signal(SIGCONT); }
    std::string url() const;
    int port() const { return own_.client_port; }
    /// A question to its gateway, which must be answered.
    std::string post(const std::string& path, const std::string& body);

private:
    event::Loop& loop_;
    Member own_;
    std::string cluster_;
    const Certificates* tls_;
    Folder folder_;
    std::unique_ptr<event::Process> process_;
    bool running_ = false;
};

} // namespace roleswap::test
