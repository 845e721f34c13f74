#include "join_offer.hpp"
#include "bus/error.hpp"
#include "context.hpp"
#include "link/sealed_key.hpp"
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <memory>

namespace roleswap::cli {
namespace {

using bus::ErrorCode;

constexpr const char* default_port = "7432";
constexpr int known_format = 1;

struct ServerAddress {
    std::string host;
    std::string port;
};

ServerAddress parse_address(const std::string& text)
{
    ServerAddress address{text, default_port};
    const auto colon = text.rfind(':');
    const auto bracket = text.rfind(']');
    const bool many = text.find(':') != colon; // an IPv6 address without brackets has no port
    if (text.starts_with('[') && bracket != std::string::npos) {
        address.host = text.substr(1, bracket - 1);
        if (colon > bracket && colon != std::string::npos) address.port = text.substr(colon + 1);
    } else if (colon != std::string::npos && !many) {
        address = {text.substr(0, colon), text.substr(colon + 1)};
    }
    unsigned port = 0;
    const auto* end = address.port.data() + address.port.size();
    const auto read = std::from_chars(address.port.data(), end, port);
    if (address.host.empty() || read.ec != std::errc{} || read.ptr != end || port < 1 ||
        port > 65535)
        throw UsageError("The address was \"" + printable(text) +
                         "\"; allowed is ADDRESS, ADDRESS:PORT or [IPv6]:PORT.");
    return address;
}

using Connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;

[[noreturn]] void refuse(ErrorCode code, const std::string& why)
{
    throw bus::Error(code, why + "  Nothing was changed.");
}

[[noreturn]] void explain(const ServerAddress& address, const std::string& message)
{
    const auto has = [&](const char* text) { return message.find(text) != std::string::npos; };
    const auto at = address.host + ":" + address.port;
    if (has("password authentication failed"))
        refuse(ErrorCode::denied,
               at + " does not take this password: it is wrong, or none was set there with "
                    "\"roleswap password set\".");
    if (has("channel binding") || has("incorrect server signature"))
        refuse(ErrorCode::denied,
               at + " does not prove that it knows the password: it may be another server, or "
                    "somebody in between.");
    if (has("no pg_hba.conf entry") || has("rejects connection"))
        refuse(ErrorCode::refused,
               at + " does not serve this host: join from an address of a link, or of a network in "
                    "[store] allow there.");
    if (has("too many connections"))
        refuse(ErrorCode::refused, at + " serves other joins at the moment; try again.");
    if (has("does not exist") || has("does not support SSL"))
        refuse(ErrorCode::refused,
               at + " is no store of roleswap, or of an older version: " + printable(message));
    refuse(ErrorCode::unreachable,
           "The store at " + at + " does not answer: " + printable(message));
}

Connection connect(const ServerAddress& address, const std::string& password)
{
    // Nothing of this user's home takes part.
    constexpr std::array<const char*, 13> names{"host",
                                                "port",
                                                "user",
                                                "dbname",
                                                "password",
                                                "sslmode",
                                                "channel_binding",
                                                "sslcert",
                                                "sslrootcert",
                                                "connect_timeout",
                                                "gssencmode",
                                                "application_name",
                                                nullptr};
    const std::array<const char*, 13> values{address.host.c_str(),
                                             address.port.c_str(),
                                             "roleswap_join",
                                             "roleswap",
                                             password.c_str(),
                                             "require",
                                             "require",
                                             "/nonexistent",
                                             "/nonexistent",
                                             "10",
                                             "disable",
                                             "roleswap join",
                                             nullptr};
    Connection connection(PQconnectdbParams(names.data(), values.data(), 0),
                          [](PGconn* handle) { PQfinish(handle); });
    if (PQstatus(connection.get()) != CONNECTION_OK)
        explain(address, PQerrorMessage(connection.get()));
    return connection;
}

} // namespace

JoinOffer fetch_offer(const std::string& address, const std::string& password)
{
    const auto server = parse_address(address);
    const auto connection = connect(server, password);
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
        PQexec(connection.get(), "SELECT format, version, server_version, master, config, "
                                 "sealed_key FROM roleswap_join.offer()"),
        [](PGresult* rows) { PQclear(rows); });
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK || PQntuples(result.get()) != 1)
        explain(server, PQerrorMessage(connection.get()));
    const auto field = [&](int column) { return std::string(PQgetvalue(result.get(), 0, column)); };
    if (field(0) != std::to_string(known_format))
        refuse(ErrorCode::refused,
               fmt::format("{} offers form {} of the files, this program knows "
                           "form {}: install the version {} here.",
                           address, printable(field(0)), known_format, printable(field(1))));
    const auto key = link::open_with_password(field(5), password);
    if (!key)
        refuse(ErrorCode::refused,
               "The pair key that was sent cannot be opened with this password: set the password "
               "again there with \"roleswap password set\".");
    return {field(1), std::atoi(field(2).c_str()), field(3), field(4), *key};
}

} // namespace roleswap::cli
