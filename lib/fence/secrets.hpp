#pragma once
#include <map>
#include <string>

namespace roleswap::fence {

/// Values that stand in files of their own: first line each, at most 1 KiB.  Kept in memory.
class Secrets {
public:
    /// Option -> path.
    explicit Secrets(std::map<std::string, std::string> files) : files_(std::move(files)) {}

    /// Reads what can be read; the rest keeps its value.
    void load();
    const std::map<std::string, std::string>& values() const { return values_; }
    /// Why a value is missing, or its file is open to others; empty: all well.
    const std::string& trouble() const { return trouble_; }
    /// `text` without any of the values.
    std::string hidden(std::string text) const;

private:
    std::map<std::string, std::string> files_;
    std::map<std::string, std::string> values_;
    std::string trouble_;
};

} // namespace roleswap::fence
