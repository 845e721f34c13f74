#include "link/pair_key.hpp"
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace roleswap;
using namespace roleswap::link;

namespace {

/// A folder of its own, removed with all in it.
struct Folder {
    Folder()
    {
        std::string pattern = std::filesystem::temp_directory_path() / "roleswap-key-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
        path = pattern;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::filesystem::path path;
};

const std::string secret_line = "secret = AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
const std::string certificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const std::string private_key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

std::string error_of(const std::string& text)
{
    try {
        parse_pair_key(text, "pair.key");
    } catch (const PairKeyError& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("a generated pair key comes back from its text and its file")
{
    const auto key = generate_pair_key("alpha / of \"the\" lab");
    CHECK(key.secret != Key{});
    CHECK(key.certificate.starts_with("-----BEGIN CERTIFICATE-----\n"));
    CHECK(key.private_key.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    CHECK(parse_pair_key(to_text(key), "pair.key") == key);
    CHECK(generate_pair_key("alpha").secret != key.secret);

    const Folder folder;
    const auto path = folder.path / "pair.key";
    write_pair_key(path, key);
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
    CHECK(info.st_nlink == 1);
    CHECK(read_pair_key(path) == key);
    CHECK_THROWS_WITH(write_pair_key(path, key), Catch::Contains("File exists"));
    CHECK(read_pair_key(path) == key);
}

TEST_CASE("openssl takes the certificate: P-256, 30 years, its own authority")
{
    const Folder folder;
    const auto path = folder.path / "certificate.pem";
    std::ofstream(path) << generate_pair_key("alpha").certificate;
    const auto check = [&](const std::string& arguments) {
        const auto command = "openssl " + arguments + " " + path.string() + " >/dev/null 2>&1";
        return ::system(command.c_str());
    };
    CHECK(check("verify -CAfile " + path.string()) == 0);
    CHECK(check("x509 -checkend 946000000 -noout -in") == 0);
    CHECK(check("x509 -checkend 947000000 -noout -in") != 0);
}

TEST_CASE("a pair key file that others may use is refused with the remedy")
{
    const Folder folder;
    const auto path = folder.path / "pair.key";
    std::ofstream(path) << secret_line << certificate << private_key;
    for (const auto mode : {0640, 0604, 0620, 0666}) {
        ::chmod(path.c_str(), static_cast<mode_t>(mode));
        CHECK_THROWS_WITH(read_pair_key(path), Catch::Contains("chmod 600"));
    }
    ::chmod(path.c_str(), 0600);
    CHECK(read_pair_key(path).secret[31] == 31);
    if (::geteuid() == 0) {
        REQUIRE(::chown(path.c_str(), 12345, 0) == 0);
        CHECK_THROWS_WITH(read_pair_key(path), Catch::Contains("belongs to user 12345"));
    }
    CHECK_THROWS_WITH(read_pair_key(folder.path / "none"), Catch::Contains("No such file"));
    CHECK_THROWS_WITH(read_pair_key(folder.path), Catch::Contains("is not a file"));
}

TEST_CASE("a damaged pair key is refused with its line")
{
    const auto good = secret_line + certificate + private_key;
    CHECK(error_of(good) == "no error");
    CHECK(error_of("# comment\n\n" + private_key + certificate + secret_line) == "no error");
    struct Row {
        std::string text;
        std::string error;
    };
    const std::vector<Row> rows = {
        {"", "secret = BASE64\" is missing"},
        {secret_line + private_key, "block CERTIFICATE is missing"},
        {secret_line + certificate, "block PRIVATE KEY is missing"},
        {"secret = AAEC\n" + certificate + private_key, "pair.key:1: the secret is not 32 bytes"},
        {"secret = ????\n", "pair.key:1: the secret is not 32 bytes"},
        {good + "port = 7431\n", "pair.key:8: neither a comment"},
        {good + certificate, "pair.key:8: a second block \"CERTIFICATE\""},
        {secret_line + "-----BEGIN CERTIFICATE-----\nAA==\n", "\"CERTIFICATE\" has no end"},
        {"-----BEGIN RSA PRIVATE KEY-----\n", "pair.key:1: a block \"RSA PRIVATE KEY\""},
        {"-----BEGIN \n", "pair.key:1: a block \"\""},
    };
    for (const auto& row : rows) {
        INFO(row.text);
        CHECK_THAT(error_of(row.text), Catch::Contains(row.error));
    }
}

TEST_CASE("sub-keys differ by purpose and by pair key")
{
    PairKey key;
    const auto store = derive_password(key, "store: replication");
    CHECK(store.size() == 64);
    CHECK(store.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(store == derive_password(key, "store: replication"));
    CHECK(store != derive_password(key, "store: owner"));
    key.secret[0] = 1;
    CHECK(store != derive_password(key, "store: replication"));
}
