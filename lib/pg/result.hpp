#pragma once
#include "base/lsn.hpp"
#include <cstdint>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace roleswap::pg {

struct ClearResult {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};

/// What the server (or libpq) refused.  `sqlstate` is the five-character code of the PostgreSQL
/// manual, appendix A; empty when the error is libpq's own, such as a lost connection.
class Error : public std::runtime_error {
public:
    Error(std::string sqlstate, const std::string& message)
        : std::runtime_error(message), sqlstate_(std::move(sqlstate))
    {
    }
    const std::string& sqlstate() const noexcept { return sqlstate_; }
    /// The class of the code, "23" for a broken constraint.
    std::string_view sqlstate_class() const noexcept
    {
        return std::string_view(sqlstate_).substr(0, 2);
    }

private:
    std::string sqlstate_;
};

/// One row of a Result, valid as long as that.  Columns count from 0.  The typed getters throw
/// pg::Error when the column is NULL or its text is not of that type: that is a wrong query.
class Row {
public:
    Row(const PGresult* result, int row) noexcept : result_(result), row_(row) {}
    bool is_null(int column) const;
    std::string_view text(int column) const;
    /// Empty when NULL.
    std::optional<std::string_view> maybe_text(int column) const;
    std::int64_t integer(int column) const;
    std::optional<std::int64_t> maybe_integer(int column) const;
    double real(int column) const;
    bool boolean(int column) const;
    base::Lsn lsn(int column) const;
    /// Lsn{0} when NULL.
    base::Lsn maybe_lsn(int column) const;

private:
    const PGresult* result_;
    int row_;
};

/// The rows of one finished query.
class Result {
public:
    Result() = default;
    explicit Result(std::unique_ptr<PGresult, ClearResult> result) : result_(std::move(result)) {}
    std::size_t rows() const;
    bool empty() const { return rows() == 0; }
    Row operator[](std::size_t row) const;
    /// Column number of a name; throws pg::Error when there is none.
    int column(const char* name) const;
    /// Rows inserted, updated, deleted or selected; 0 for other commands.
    std::uint64_t affected() const;
    /// "INSERT 0 1", "COMMIT"; see PQcmdStatus.
    std::string_view command() const;

private:
    std::unique_ptr<PGresult, ClearResult> result_;
};

/// Server or libpq refused query number `query` (from 0) of what was asked; nothing was done.  For
/// a transaction the COMMIT counts as the query after the last one.
struct Failed {
    Error error;
    std::size_t query = 0;
};
/// The connection was lost after the commit may have reached the server, or the server stopped
/// waiting for the standby: it may be done or not, and may be lost later.  Reconnect and look.
struct InDoubt {
    std::string why;
};
/// Was never sent: the connection is down.
struct Lost {
    std::string why;
};
/// Committed, and on the standby where one is required.
struct Committed {
    std::vector<Result> results; ///< one for each query
};

using Reply = std::variant<Result, Failed, InDoubt, Lost>;
using Outcome = std::variant<Committed, Failed, InDoubt, Lost>;

/// One sentence for the three that are no success; empty for success.
std::string describe(const Reply& reply);
std::string describe(const Outcome& outcome);
/// The result; anything else is thrown as pg::Error.
Result value(Reply reply);

/// Text as an SQL literal or identifier, quotes included, for standard_conforming_strings = on.
/// For the few statements that take no parameters.
std::string quote_literal(std::string_view text);
std::string quote_identifier(std::string_view text);

} // namespace roleswap::pg
