#include "link/pair_key.hpp"
#include "base/ensure.hpp"
#include "link/certificate.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <sodium.h>

namespace roleswap::link {
namespace {

constexpr int base64_variant = sodium_base64_VARIANT_ORIGINAL;
constexpr std::size_t name_bytes_max = 48; ///< a common name has at most 64 (RFC 5280, appendix A)

/// Only characters that need no escaping in openssl's -subj.
std::string plain(const std::string& pair)
{
    const auto keep = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_' || c == '.';
    };
    auto text = pair.substr(0, name_bytes_max);
    std::ranges::replace_if(
        text, [&](char c) { return !keep(c); }, '-');
    return text;
}

std::string to_base64(const Key& key)
{
    std::string text(sodium_base64_ENCODED_LEN(key.size(), base64_variant), '\0');
    sodium_bin2base64(text.data(), text.size(), key.data(), key.size(), base64_variant);
    text.pop_back(); // the closing zero byte
    return text;
}

class Parser {
public:
    Parser(std::string_view text, const std::string& name) : rest_(text), name_(name) {}
    PairKey parse();

private:
    [[noreturn]] void fail(const std::string& what) const
    {
        throw PairKeyError(fmt::format("{}:{}: {}", name_, line_number_, what));
    }
    bool next_line(std::string_view& line);
    void secret(std::string_view value);
    void block(std::string_view first_line);
    std::string_view rest_;
    const std::string& name_;
    std::size_t line_number_ = 0;
    bool has_secret_ = false;
    PairKey key_;
};

bool Parser::next_line(std::string_view& line)
{
    if (rest_.empty()) return false;
    const auto end = std::min(rest_.find('\n'), rest_.size());
    line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_number_;
    return true;
}

void Parser::secret(std::string_view value)
{
    std::size_t size = 0;
    const int result = sodium_base642bin(key_.secret.data(), key_.secret.size(), value.data(),
                                         value.size(), " ", &size, nullptr, base64_variant);
    if (result != 0 || size != key_.secret.size())
        fail("the secret is not 32 bytes in base64; copy the file from the other node again");
    has_secret_ = true;
}

void Parser::block(std::string_view first_line)
{
    constexpr std::string_view begin = "-----BEGIN ";
    auto label = first_line.substr(begin.size());
    label.remove_suffix(std::min<std::size_t>(5, label.size()));
    const bool certificate = label == "CERTIFICATE";
    if (!certificate && label != "PRIVATE KEY" && label != "EC PRIVATE KEY")
        fail(fmt::format("a block \"{}\" has no place here; CERTIFICATE and PRIVATE KEY have",
                         label));
    auto& target = certificate ? key_.certificate : key_.private_key;
    if (!target.empty()) fail(fmt::format("a second block \"{}\"", label));
    const auto last_line = fmt::format("-----END {}-----", label);
    target = fmt::format("{}\n", first_line);
    for (std::string_view line; next_line(line);) {
        target += fmt::format("{}\n", line);
        if (line == last_line) return;
    }
    fail(fmt::format("the block \"{}\" has no end", label));
}

PairKey Parser::parse()
{
    constexpr std::string_view secret_is = "secret = ";
    for (std::string_view line; next_line(line);) {
        if (line.empty() || line.starts_with('#')) continue;
        if (line.starts_with(secret_is))
            secret(line.substr(secret_is.size()));
        else if (line.starts_with("-----BEGIN "))
            block(line);
        else
            fail("neither a comment, nor \"secret = BASE64\", nor a PEM block");
    }
    if (!has_secret_) fail("the line \"secret = BASE64\" is missing");
    if (key_.certificate.empty()) fail("the block CERTIFICATE is missing");
    if (key_.private_key.empty()) fail("the block PRIVATE KEY is missing");
    return key_;
}

} // namespace

PairKey generate_pair_key(const std::string& pair)
{
    base::ensure(sodium_init() >= 0, "libsodium finds no source of randomness");
    PairKey key;
    randombytes_buf(key.secret.data(), key.secret.size());
    auto made = make_certificate("roleswap " + plain(pair));
    key.certificate = std::move(made.certificate);
    key.private_key = std::move(made.private_key);
    return key;
}

std::string to_text(const PairKey& key)
{
    return fmt::format("# roleswap pair key: the same file on both nodes, mode 0600.  Whoever has "
                       "it is a member of the pair.\n"
                       "secret = {}\n{}{}",
                       to_base64(key.secret), key.certificate, key.private_key);
}

PairKey parse_pair_key(std::string_view text, const std::string& name)
{
    return Parser(text, name).parse();
}

Key derive(const PairKey& key, std::string_view purpose)
{
    base::ensure(sodium_init() >= 0, "libsodium finds no source of randomness");
    Key derived{};
    const auto bytes = wire::view(purpose);
    crypto_generichash(derived.data(), derived.size(), bytes.data(), bytes.size(),
                       key.secret.data(), key.secret.size());
    return derived;
}

std::string derive_password(const PairKey& key, std::string_view purpose)
{
    const auto derived = derive(key, purpose);
    std::string text;
    for (const auto byte : derived) text += fmt::format("{:02x}", byte);
    return text;
}

} // namespace roleswap::link
