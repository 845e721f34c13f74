#include "pg/result.hpp"
#include <charconv>
#include <fmt/format.h>

namespace roleswap::pg {
namespace {

template <typename Number> Number number(std::string_view text)
{
    Number value{};
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end)
        throw Error("", fmt::format("column holds \"{}\", which is no number", text));
    return value;
}

std::string failure(const Failed& failed)
{
    return failed.error.sqlstate().empty()
               ? failed.error.what()
               : fmt::format("{} (SQLSTATE {})", failed.error.what(), failed.error.sqlstate());
}
std::string failure(const InDoubt& doubt)
{
    return fmt::format("whether it was committed is not known: {}", doubt.why);
}
std::string failure(const Lost& lost)
{
    return fmt::format("not sent: {}", lost.why);
}
std::string failure(const Result&)
{
    return {};
}
std::string failure(const Committed&)
{
    return {};
}

} // namespace

bool Row::is_null(int column) const
{
    return PQgetisnull(result_, row_, column) != 0;
}

std::string_view Row::text(int column) const
{
    const auto value = maybe_text(column);
    if (!value) throw Error("", fmt::format("column {} is NULL", column));
    return *value;
}

std::optional<std::string_view> Row::maybe_text(int column) const
{
    if (is_null(column)) return std::nullopt;
    return std::string_view(PQgetvalue(result_, row_, column),
                            static_cast<std::size_t>(PQgetlength(result_, row_, column)));
}

std::int64_t Row::integer(int column) const
{
    return number<std::int64_t>(text(column));
}

std::optional<std::int64_t> Row::maybe_integer(int column) const
{
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

double Row::real(int column) const
{
    return number<double>(text(column));
}

bool Row::boolean(int column) const
{
    return text(column) == "t";
}

base::Lsn Row::lsn(int column) const
{
    const auto value = base::parse_lsn(text(column));
    if (!value) throw Error("", fmt::format("column {} is no pg_lsn", column));
    return *value;
}

base::Lsn Row::maybe_lsn(int column) const
{
    return is_null(column) ? base::Lsn{} : lsn(column);
}

std::size_t Result::rows() const
{
    return static_cast<std::size_t>(PQntuples(result_.get()));
}

Row Result::operator[](std::size_t row) const
{
    if (row >= rows())
        throw Error("", fmt::format("row {} asked of a result with {}", row, rows()));
    return Row(result_.get(), static_cast<int>(row));
}

int Result::column(const char* name) const
{
    const int column = PQfnumber(result_.get(), name);
    if (column < 0) throw Error("", fmt::format("result has no column \"{}\"", name));
    return column;
}

std::uint64_t Result::affected() const
{
    const std::string_view text = PQcmdTuples(result_.get());
    return text.empty() ? 0 : number<std::uint64_t>(text);
}

std::string_view Result::command() const
{
    return result_ ? PQcmdStatus(result_.get()) : "";
}

std::string describe(const Reply& reply)
{
    return std::visit([](const auto& kind) { return failure(kind); }, reply);
}

std::string describe(const Outcome& outcome)
{
    return std::visit([](const auto& kind) { return failure(kind); }, outcome);
}

Result value(Reply reply)
{
    if (auto* result = std::get_if<Result>(&reply)) return std::move(*result);
    if (const auto* failed = std::get_if<Failed>(&reply)) throw failed->error;
    throw Error("", describe(reply));
}

std::string quote_literal(std::string_view text)
{
    std::string quoted = "'";
    for (const char letter : text) {
        if (letter == '\'') quoted += '\'';
        quoted += letter;
    }
    return quoted + "'";
}

std::string quote_identifier(std::string_view text)
{
    std::string quoted = "\"";
    for (const char letter : text) {
        if (letter == '"') quoted += '"';
        quoted += letter;
    }
    return quoted + "\"";
}

} // namespace roleswap::pg
