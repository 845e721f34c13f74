#include "bus/verb.hpp"
#include "core/rules.hpp"
#include <iostream>
#include <string>
#include <string_view>

/// Copies a manual page from standard input to standard output and puts the tables in that the
/// programs themselves work by, so that the manual cannot tell another story than the code.  A line
///
///     .\" @transitions@
///
/// becomes the rows of core::rules for tbl(1), a line `.\" @verbs@` the list of bus::verbs for
/// mdoc(7).
namespace {

using namespace roleswap;

/// Plain text of roff: no escapes, real minus signs.
std::string escaped(std::string_view text)
{
    std::string out;
    for (const char letter : text) {
        if (letter == '\\')
            out += "\\e";
        else if (letter == '-')
            out += "\\-";
        else
            out += letter;
    }
    return out;
}

/// JSON without blanks: lines may be broken after a comma or a bar, words nowhere.
std::string breakable(std::string_view text)
{
    std::string out;
    for (const char letter : escaped(text)) {
        out += letter;
        if (letter == ',' || letter == '|') out += "\\:\\%";
    }
    return out;
}

void print_transitions()
{
    for (const auto& rule : core::rules) {
        std::cout << core::to_string(rule.from) << '\t' << core::to_string(rule.to) << '\t'
                  << core::to_string(rule.event) << "\tT{\n"
                  << escaped(rule.why) << "\nT}\n";
    }
}

/// A text line that starts with a dot or an apostrophe would be a request.
void print_json(const char* label, std::string_view json)
{
    std::cout << ".br\n" << label << ": \\%" << breakable(json) << '\n';
}

const char* access_word(bus::Access access)
{
    switch (access) {
    case bus::Access::look:
        return "look";
    case bus::Access::act:
        return "act";
    case bus::Access::token:
        return "token";
    }
    return "";
}

void print_verbs()
{
    for (const auto& verb : bus::verbs()) {
        const bool on_master = verb.place == bus::Place::master;
        std::cout << ".It Sy " << bus::method_name(verb) << " Pq " << verb.name << "\\&; "
                  << access_word(verb.access) << "\\&, " << (on_master ? "master" : "local") << '\n'
                  << escaped(verb.what) << '\n';
        print_json("In", verb.args);
        print_json("Out", verb.result);
    }
}

} // namespace

int main()
{
    for (std::string line; std::getline(std::cin, line);) {
        if (line == ".\\\" @transitions@")
            print_transitions();
        else if (line == ".\\\" @verbs@")
            print_verbs();
        else
            std::cout << line << '\n';
    }
    return std::cout.flush() ? 0 : 1;
}
