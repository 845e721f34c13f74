// Clusters of the distribution: what is read from their files, and what is written into them.
#include "store/cluster_files.hpp"
#include "store/conf_file.hpp"
#include "store/external.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

namespace roleswap::test {
namespace {

namespace fs = std::filesystem;
using namespace store;

/// What pg_createcluster makes, as far as it is looked at.
class Made {
public:
    Made()
    {
        std::string name = "/tmp/roleswap-external-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
        root_ = name;
        fs::create_directories(conf() / "conf.d");
        for (const char* folder : {"base/1", "base/5", "pg_tblspc"})
            fs::create_directories(data() / folder);
        put(data() / "PG_VERSION", "15\n");
        put(data() / "base/1/1255", "");
        put(conf() / "start.conf", "# how\nmanual\n");
        settings("");
        external_.unit = "postgresql@15-main.service";
        external_.version = 15;
        external_.conf = conf();
        external_.data = data();
        external_.log = root_ / "log";
        external_.owner = "postgres";
        external_.sockets = "/var/run/postgresql";
    }
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;
    ~Made()
    {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }
    fs::path conf() const { return root_ / "conf"; }
    fs::path data() const { return root_ / "data"; }
    const External& external() const { return external_; }
    static void put(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
    /// Lines before conf.d is included.
    void settings(const std::string& lines) const
    {
        put(conf() / "postgresql.conf",
            "port = 5432\t\t# change requires restart\n" + lines + "include_dir = 'conf.d'\n");
    }
    std::string faults(int checksums = 1) const
    {
        std::string all;
        for (const auto& fault : faults_of(external_, 5432, checksums))
            all += (fault.fatal ? "" : "warn: ") + describe(fault) + "\n";
        for (auto at = all.find(root_.string()); at != std::string::npos;
             at = all.find(root_.string()))
            all.replace(at, root_.string().size(), "");
        return all;
    }

private:
    fs::path root_;
    External external_;
};

} // namespace

TEST_CASE("a line of a configuration file", "[external]")
{
    const auto is = [](const char* line, const char* name, const char* value) {
        const auto found = parse_conf_line(line);
        return found.name == name && found.value == value;
    };
    CHECK(is("port = 5432 # here", "port", "5432"));
    CHECK(is("  Port 5432", "port", "5432"));
    CHECK(is("data_directory='/var/lib/it''s'", "data_directory", "/var/lib/it's"));
    CHECK(is(R"(x.y = 'a\'b' # 'c')", "x.y", "a'b"));
    CHECK(parse_conf_line("# port = 5432").name.empty());
    CHECK(parse_conf_line("").name.empty());
}

TEST_CASE("the last of several settings counts", "[external]")
{
    const Made made;
    made.settings("work_mem = 1MB\ninclude 'more.conf'\ninclude_if_exists 'none.conf'\n");
    Made::put(made.conf() / "more.conf", "work_mem = 2MB\nport = 1\n");
    Made::put(made.conf() / "conf.d/b.conf", "\nwork_mem = 4MB\n");
    Made::put(made.conf() / "conf.d/a.conf", "work_mem = 3MB\n");
    Made::put(made.conf() / "conf.d/z.txt", "work_mem = 5MB\n");
    const ConfFiles files(made.conf() / "postgresql.conf", made.data());
    CHECK(files.find("work_mem")->describe("work_mem") ==
          "work_mem = 4MB (" + (made.conf() / "conf.d/b.conf").string() + ":2)");
    CHECK(files.value("port", "") == "1");
    CHECK(files.includes(made.conf() / "conf.d"));
    Made::put(made.data() / "postgresql.auto.conf", "work_mem = '9MB'\n");
    CHECK(ConfFiles(made.conf() / "postgresql.conf", made.data()).value("work_mem", "") == "9MB");
    CHECK(ConfFiles::without(made.conf() / "postgresql.conf", made.data(),
                             made.data() / "postgresql.auto.conf")
              .value("work_mem", "") == "4MB");
}

TEST_CASE("each fault of a cluster is told with place, value, limit and remedy", "[external]")
{
    const Made made;
    CHECK(made.faults().empty());
    const auto with = [&](const std::string& lines) {
        made.settings(lines);
        return made.faults();
    };
    CHECK(with("wal_level = minimal\n") ==
          "wal_level: wal_level = minimal (/conf/postgresql.conf:2); allowed: replica or logical; "
          "take that line out: a mirror needs the whole log\n");
    CHECK(with("wal_level = logical\n").empty());
    CHECK(with("fsync = off\n") ==
          "fsync: fsync = off (/conf/postgresql.conf:2); allowed: on; take that line out: the "
          "pair's promises need it\n");
    CHECK(with("max_wal_senders = 2\n") ==
          "max_wal_senders: max_wal_senders = 2 (/conf/postgresql.conf:2); allowed: at least 4; "
          "raise it there\n");
    CHECK(with("port = 5433\n") ==
          "port: port = 5433 (/conf/postgresql.conf:2); allowed: 5432; set store_port of this node "
          "to the port of the cluster\n");
    CHECK(with("logging_collector = on\n") ==
          "log: logging_collector = on (/conf/postgresql.conf:2); allowed: off; roleswapd reads "
          "/log, which the collector bypasses\n");
    CHECK(with("").empty());
    CHECK(made.faults(0) ==
          "checksums: off in /data; allowed: on; pg_rewind needs them: stop the cluster, then "
          "/usr/lib/postgresql/15/bin/pg_checksums --enable -D /data as user postgres\n");
    CHECK(made.faults(-1).empty());
}

TEST_CASE("what would win over roleswap's own file is a fault", "[external]")
{
    const Made made;
    Made::put(made.external().own_conf(), "synchronous_commit = on\nlisten_addresses = '*'\n");
    made.settings("synchronous_commit = off\n"); // before conf.d: it loses
    CHECK(made.faults().empty());
    Made::put(made.data() / "postgresql.auto.conf", "synchronous_commit = 'off'\n");
    CHECK(made.faults() == "synchronous_commit: synchronous_commit = off "
                           "(/data/postgresql.auto.conf:1); allowed: decided by roleswapd; take "
                           "that line out, or move it before the include of conf.d\n");
    Made::put(made.data() / "postgresql.auto.conf", "");
    Made::put(made.conf() / "postgresql.conf", "port = 5432\n");
    CHECK(made.faults() ==
          "conf.d: /conf/postgresql.conf does not include it; allowed: include_dir "
          "= 'conf.d'; add that line at its end\n");
}

TEST_CASE("whether systemd starts a cluster by itself is told", "[external]")
{
    const Made made;
    Made::put(made.conf() / "start.conf", "auto\n");
    CHECK(made.faults() == "warn: start: auto (/conf/start.conf); allowed: manual; roleswapd alone "
                           "starts it: write manual there\n");
    Made::put(made.conf() / "start.conf", "disabled # for now\n");
    CHECK(made.faults() == "start: disabled (/conf/start.conf); allowed: manual; nobody can start "
                           "it so, not even roleswapd: write manual there\n");
    const auto text = drop_in_text("/run/roleswap/store-start");
    CHECK(text.find("\nAssertPathExists=/run/roleswap/store-start\n") != std::string::npos);
    CHECK(text.find("\nRestart=no\n") != std::string::npos);
}

TEST_CASE("a cluster is fresh while nobody has made anything in it", "[external]")
{
    const Made made;
    CHECK(is_fresh(made.data()));
    CHECK(is_fresh(made.data() / "nowhere"));
    SECTION("a table")
    {
        Made::put(made.data() / "base/5/16384", "");
    }
    SECTION("a table that was vacuumed")
    {
        Made::put(made.data() / "base/5/24576_vm", "");
    }
    SECTION("a database")
    {
        fs::create_directories(made.data() / "base/16385");
    }
    SECTION("a tablespace")
    {
        fs::create_symlink("/tmp", made.data() / "pg_tblspc/16384");
    }
    CHECK_FALSE(is_fresh(made.data()));
}

TEST_CASE("our lines stand before the administrator's, once", "[external]")
{
    const std::string old = "# theirs\nlocal all all peer\n";
    const auto once = with_block(old, "local roleswap all peer\n");
    CHECK(once == "# roleswap: begin, written by roleswapd, edits are lost\n"
                  "local roleswap all peer\n"
                  "# roleswap: end\n" +
                      old);
    const auto changed = with_block(once, "local roleswap all reject\n");
    CHECK(changed == with_block(old, "local roleswap all reject\n"));
    CHECK(with_block("", "x\n").ends_with("x\n# roleswap: end\n"));
}

TEST_CASE("ALTER SYSTEM keeps what is not roleswap's", "[external]")
{
    CHECK(without_reserved("# header\nwork_mem = '8MB'\nprimary_conninfo = 'host=x'\n"
                           "recovery_target_time = 'y'\nsynchronous_standby_names = '*'") ==
          "# header\nwork_mem = '8MB'\n");
    CHECK(without_reserved("work_mem = '8MB'") == "work_mem = '8MB'");
    CHECK(without_reserved("").empty());
}

TEST_CASE("of other databases the administrator decides who may enter", "[external]")
{
    const Made made;
    Options options;
    options.external = made.external();
    options.links = {{"lan-a", "10.0.1.1", "10.0.1.2"}};
    options.allow = {"10.0.0.0/16"};
    CHECK(access_text(options) ==
          "# Written by roleswapd.  The superuser never comes over the network.\n"
          "local all roleswap peer map=roleswap\n"
          "local postgres postgres peer\n"
          "local roleswap all peer map=roleswap\n"
          "hostssl replication roleswap_replica 10.0.1.2/32 scram-sha-256\n"
          "hostssl postgres roleswap_replica 10.0.1.2/32 scram-sha-256\n"
          "host all roleswap,roleswap_replica all reject\n"
          "host replication roleswap_replica all reject\n"
          "hostssl roleswap roleswap_join 10.0.0.0/16 scram-sha-256\n"
          "hostssl roleswap roleswap_join 10.0.1.2/32 scram-sha-256\n"
          "host all roleswap_join all reject\n"
          "hostssl roleswap all 10.0.0.0/16 scram-sha-256\n"
          "host roleswap all all reject\n");
}

} // namespace roleswap::test
