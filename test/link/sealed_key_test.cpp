#include "link/sealed_key.hpp"
#include <algorithm>
#include <catch2/catch.hpp>

using namespace roleswap;

namespace {

constexpr const char* secret = "secret = 0123456789\nTLS key\n";
constexpr const char* password = "correct horse battery";

} // namespace

TEST_CASE("a sealed text opens with its password alone", "[link]")
{
    const auto sealed = link::seal_with_password(secret, password);
    CHECK(link::open_with_password(sealed, password) == secret);
    CHECK_FALSE(link::open_with_password(sealed, "correct horse batterz"));
    CHECK_FALSE(link::open_with_password(sealed, ""));
}

TEST_CASE("a sealed text is one printable line that shows nothing and is never the same", "[link]")
{
    const auto sealed = link::seal_with_password(secret, password);
    CHECK(std::ranges::all_of(sealed, [](char letter) { return letter > ' ' && letter < 127; }));
    CHECK(sealed.find("0123456789") == std::string::npos);
    CHECK(link::seal_with_password(secret, password) != sealed);
    CHECK(link::open_with_password(link::seal_with_password("", password), password) == "");
}

TEST_CASE("a sealed text that was changed anywhere does not open", "[link]")
{
    const auto sealed = link::seal_with_password(secret, password);
    // The form, and a letter of the salt, of the nonce, of the text and of its tag.
    for (const std::size_t at : {0UL, 1UL, 5UL, 40UL, sealed.size() / 2 + 10, sealed.size() - 6}) {
        auto changed = sealed;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        INFO("letter " << at);
        CHECK_FALSE(link::open_with_password(changed, password));
    }
    CHECK_FALSE(link::open_with_password(sealed.substr(0, sealed.size() - 4), password));
    CHECK_FALSE(link::open_with_password(sealed + "AAAA", password));
    for (const char* none : {"", "1:", "1:AAAA", "1:no base64!", "2:AAAA"})
        CHECK_FALSE(link::open_with_password(none, password));
}
