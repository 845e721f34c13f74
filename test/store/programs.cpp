#include "programs.hpp"
#include <fmt/format.h>
#include <fstream>

namespace roleswap::test {

namespace fs = std::filesystem;

Programs::Programs()
{
    for (const auto& entry : fs::directory_iterator(bin_dir()))
        fs::create_symlink(entry.path(), folder_.path() / entry.path().filename());
    fs::permissions(folder_.path(), fs::perms::all); // for marks of the user of postgres
}

void Programs::plant(const std::string& program, const std::string& text) const
{
    const auto place = folder_.path() / program;
    fs::remove(place);
    std::ofstream(place) << fmt::format("#!/bin/bash\nREAL={}/{}\nHERE={}\nLAST=${{@: -1}}\n{}\n",
                                        bin_dir(), program, folder(), text);
    fs::permissions(place, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                               fs::perms::others_read | fs::perms::others_exec);
}

void Programs::mark(const std::string& name) const
{
    std::ofstream(folder_.path() / name) << "yes";
}

void Programs::unmark(const std::string& name) const
{
    fs::remove(folder_.path() / name);
}

bool Programs::marked(const std::string& name) const
{
    return fs::exists(folder_.path() / name);
}

} // namespace roleswap::test
