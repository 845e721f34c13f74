#include "store/external.hpp"
#include "config/store_unit.hpp"
#include "event/fd.hpp"
#include "store/conf_file.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <pwd.h>
#include <stdexcept>
#include <sys/stat.h>

namespace roleswap::store {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t first_of_users = 16384; ///< FirstNormalObjectId
/// The standby, a copy with its log, and one to spare.
constexpr int senders_min = 4;
constexpr int slots_min = 4;

std::string owner_of(const fs::path& folder)
{
    struct stat info {};
    event::check(::stat(folder.c_str(), &info), "look at " + folder.string());
    const passwd* entry = ::getpwuid(info.st_uid);
    if (entry == nullptr || info.st_uid == 0)
        throw std::runtime_error(
            fmt::format("{} belongs to user {}; an external store belongs to an ordinary user such "
                        "as postgres",
                        folder.string(), info.st_uid));
    return entry->pw_name;
}

/// Of "16384", "16384_fsm" and "16384.1"; 0 where the name does not begin with a number.
std::uint32_t leading(const fs::path& path)
{
    const auto name = path.filename().string();
    std::uint32_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    return number;
}

bool holds_users_files(const fs::path& folder)
{
    return std::ranges::any_of(fs::directory_iterator(folder), [](const auto& entry) {
        return leading(entry.path()) >= first_of_users;
    });
}

bool is_off(const std::string& value)
{
    return value == "off" || value == "false" || value == "no" || value == "0";
}

std::string start_mode(const External& external)
{
    std::ifstream file(external.conf / "start.conf");
    for (std::string line; std::getline(file, line);)
        if (auto mode = parse_conf_line(line).name; !mode.empty()) return mode;
    return "auto";
}

/// Collects what is wrong in the files of one cluster.
class Look {
public:
    Look(const External& external, std::uint16_t port)
        : external_(external), port_(port),
          conf_(ConfFiles::without(external.conf / "postgresql.conf", external.data,
                                   external.own_conf()))
    {
    }

    std::vector<Fault> take(int checksums)
    {
        places();
        promises();
        at_least("max_wal_senders", senders_min);
        at_least("max_replication_slots", slots_min);
        overruled();
        if (checksums == 0)
            add({"checksums", true, "off in " + external_.data.string(), "on",
                 fmt::format("pg_rewind needs them: stop the cluster, then {}/pg_checksums "
                             "--enable -D {} as user {}",
                             external_bin_dir(external_), external_.data.string(),
                             external_.owner)});
        start();
        return std::move(faults_);
    }

private:
    void add(Fault fault) { faults_.push_back(std::move(fault)); }

    void places()
    {
        if (!conf_.includes(external_.conf / "conf.d"))
            add({"conf.d", true,
                 (external_.conf / "postgresql.conf").string() + " does not include it",
                 "include_dir = 'conf.d'", "add that line at its end"});
        if (const auto port = conf_.value("port", "5432"); port != std::to_string(port_))
            add({"port", true, said("port", port), std::to_string(port_),
                 "set store_port of this node to the port of the cluster"});
        if (!is_off(conf_.value("logging_collector", "off")))
            add({"log", true, said("logging_collector", "off"), "off",
                 "roleswapd reads " + external_.log.string() + ", which the collector bypasses"});
        std::error_code missing;
        if (!fs::is_empty(external_.data / "pg_tblspc", missing) && !missing)
            add({"tablespaces", true, "some in " + (external_.data / "pg_tblspc").string(), "none",
                 "a copy has no place for them: move their tables to pg_default"});
        if (fs::exists(external_.data) && is_mounted())
            add({"data directory", true, external_.data.string() + " is a mount point",
                 "a folder of a file system",
                 "a copy is put in its place by renaming: move the data one folder down"});
    }

    bool is_mounted() const
    {
        struct stat own {};
        struct stat above {};
        return ::stat(external_.data.c_str(), &own) == 0 &&
               ::stat(external_.data.parent_path().c_str(), &above) == 0 &&
               own.st_dev != above.st_dev;
    }

    void promises()
    {
        if (conf_.value("wal_level", "replica") == "minimal")
            add({"wal_level", true, said("wal_level", ""), "replica or logical",
                 "take that line out: a mirror needs the whole log"});
        for (const char* name : {"fsync", "full_page_writes", "hot_standby"})
            if (is_off(conf_.value(name, "on")))
                add({name, true, said(name, ""), "on",
                     "take that line out: the pair's promises need it"});
    }

    void at_least(const char* name, int limit)
    {
        const auto value = conf_.value(name, "10");
        int number = 0;
        std::from_chars(value.data(), value.data() + value.size(), number);
        if (number < limit)
            add({name, true, said(name, value), fmt::format("at least {}", limit),
                 "raise it there"});
    }

    /// What comes after our file wins over it.
    void overruled()
    {
        if (!fs::exists(external_.own_conf())) return;
        const ConfFiles all(external_.conf / "postgresql.conf", external_.data);
        for (const char* name :
             {"primary_conninfo", "synchronous_standby_names", "synchronous_commit",
              "default_transaction_read_only", "listen_addresses", "unix_socket_directories",
              "ssl_cert_file", "log_line_prefix", "lc_messages", "restart_after_crash"}) {
            const auto* found = all.find(name);
            if (found == nullptr || found->file == external_.own_conf()) continue;
            add({name, true, found->describe(name), "decided by roleswapd",
                 "take that line out, or move it before the include of conf.d"});
        }
    }

    /// The drop-in holds it back all the same.
    void start()
    {
        const auto mode = start_mode(external_);
        const auto place = (external_.conf / "start.conf").string();
        if (mode == "disabled")
            add({"start", true, fmt::format("disabled ({})", place), "manual",
                 "nobody can start it so, not even roleswapd: write manual there"});
        else if (mode != "manual")
            add({"start", false, fmt::format("{} ({})", mode, place), "manual",
                 "roleswapd alone starts it: write manual there"});
    }

    std::string said(const std::string& name, const std::string& otherwise) const
    {
        const auto* found = conf_.find(name);
        return found == nullptr ? fmt::format("{} = {} (default)", name, otherwise)
                                : found->describe(name);
    }

    const External& external_;
    std::uint16_t port_;
    ConfFiles conf_;
    std::vector<Fault> faults_;
};

void mark(const std::string& data_dir, const char* name, const External& external)
{
    const fs::path folder = fs::path(data_dir) / "external";
    fs::create_directories(folder);
    std::ofstream file(folder / name);
    file << external.unit << "\n";
    if (!file.flush()) throw std::runtime_error("cannot write " + (folder / name).string());
}

} // namespace

fs::path External::drop_in() const
{
    return fs::path("/etc/systemd/system") / (unit + ".d") / "50-roleswap.conf";
}

External find_external(const std::string& unit)
{
    const auto parsed = config::parse_store_unit(unit);
    if (!parsed) throw std::runtime_error("store_unit " + unit + " is none of postgresql-common");
    External found;
    found.unit = unit;
    found.version = parsed->version;
    found.conf = fs::path("/etc/postgresql") / std::to_string(parsed->version) / parsed->cluster;
    if (!fs::exists(found.conf / "postgresql.conf"))
        throw std::runtime_error(fmt::format(
            "store_unit {}: {} is not there; make the cluster: pg_createcluster {} {} "
            "--start-conf=manual -- --data-checksums",
            unit, (found.conf / "postgresql.conf").string(), parsed->version, parsed->cluster));
    if (!fs::exists(external_bin_dir(found) + "/postgres"))
        throw std::runtime_error(fmt::format("store_unit {}: {}/postgres is not there; install the "
                                             "package postgresql-{}",
                                             unit, external_bin_dir(found), parsed->version));
    const auto conf =
        ConfFiles::without(found.conf / "postgresql.conf", "/nonexistent", found.own_conf());
    found.data = conf.value("data_directory", "");
    if (!found.data.is_absolute())
        throw std::runtime_error(
            fmt::format("{} sets no data_directory", (found.conf / "postgresql.conf").string()));
    found.data = fs::weakly_canonical(found.data);
    found.hba = conf.value("hba_file", (found.conf / "pg_hba.conf").string());
    found.ident = conf.value("ident_file", (found.conf / "pg_ident.conf").string());
    found.owner = owner_of(fs::exists(found.data) ? found.data : found.data.parent_path());
    found.sockets = conf.value("unix_socket_directories", "/var/run/postgresql");
    found.preload = conf.value("shared_preload_libraries", "");
    found.log = fs::exists(found.conf / "log")
                    ? fs::weakly_canonical(found.conf / "log")
                    : fs::path("/var/log/postgresql") /
                          fmt::format("postgresql-{}-{}.log", parsed->version, parsed->cluster);
    return found;
}

std::string external_bin_dir(const External& external)
{
    return fmt::format("/usr/lib/postgresql/{}/bin", external.version);
}

int major_version(const std::string& bin_dir)
{
    return std::atoi(fs::path(bin_dir).parent_path().filename().c_str());
}

std::string describe(const Fault& fault)
{
    return fmt::format("{}: {}; allowed: {}; {}", fault.id, fault.value, fault.limit, fault.fix);
}

std::vector<Fault> faults_of(const External& external, std::uint16_t port, int checksums)
{
    return Look(external, port).take(checksums);
}

int checksums_of(const External& external)
{
    if (external.data.string().find('\'') != std::string::npos) return -1;
    const auto command = fmt::format("LC_ALL=C {}/pg_controldata '{}' 2>/dev/null",
                                     external_bin_dir(external), external.data.string());
    const std::unique_ptr<FILE, int (*)(FILE*)> output(::popen(command.c_str(), "re"), ::pclose);
    if (!output) return -1;
    int version = -1;
    std::array<char, 256> line{};
    while (std::fgets(line.data(), static_cast<int>(line.size()), output.get()) != nullptr)
        std::sscanf(line.data(), "Data page checksum version: %d", &version);
    return version;
}

bool is_fresh(const fs::path& data)
{
    if (!fs::exists(data / "PG_VERSION")) return true;
    for (const auto& entry : fs::directory_iterator(data / "base")) {
        if (leading(entry.path()) >= first_of_users) return false;
        if (entry.is_directory() && holds_users_files(entry.path())) return false;
    }
    return fs::is_empty(data / "pg_tblspc");
}

void allow_external(const std::string& data_dir, const External& external)
{
    mark(data_dir, "adopted", external);
}

void allow_replacing(const std::string& data_dir, const External& external)
{
    mark(data_dir, "replace", external);
}

bool is_ours(const fs::path& data_dir, const External& external)
{
    return fs::exists(data_dir / "external" / "adopted") ||
           fs::exists(data_dir / "external" / "replace") || is_fresh(external.data);
}

std::string drop_in_text(const std::string& token)
{
    return fmt::format(
        "# Written by roleswapd: this cluster is the store of a roleswap node.\n"
        "[Unit]\n"
        "# Only roleswapd starts it: an old master's cluster must never come back by itself, at\n"
        "# boot or after a failure.\n"
        "AssertPathExists={}\n"
        "# At shutdown roleswapd hands over first.\n"
        "Before=roleswapd.service\n"
        "StartLimitIntervalSec=0\n"
        "[Service]\n"
        "Restart=no\n",
        token);
}

} // namespace roleswap::store
