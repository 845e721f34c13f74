#pragma once
#include "cluster.hpp"

namespace roleswap::test {

/// A folder with the programs of PostgreSQL, some of which have an accident first: what the shell
/// text says, with the real program in $REAL, its last argument in $LAST, this folder in $HERE.
class Programs {
public:
    Programs();
    std::string folder() const { return folder_.path().string(); }
    void plant(const std::string& program, const std::string& text) const;
    /// Makes or looks at a file of that name in $HERE.
    void mark(const std::string& name) const;
    void unmark(const std::string& name) const;
    bool marked(const std::string& name) const;

private:
    Folder folder_;
};

} // namespace roleswap::test
