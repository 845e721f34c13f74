#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::store {

/// One setting as the files of a cluster have it.
struct ConfValue {
    std::string value;
    std::filesystem::path file;
    int line = 0;
    /// "fsync = off (/etc/postgresql/15/main/postgresql.conf:12)"
    std::string describe(std::string_view name) const;
};

/// The settings of a cluster from its files, without asking the server: postgresql.conf with what
/// it includes, then postgresql.auto.conf; of settings that are there twice the last one counts
/// (manual, chapter "Setting Parameters").
class ConfFiles {
public:
    /// Files that are not there are left out, unless `conf` itself is.  Throws std::runtime_error.
    ConfFiles(const std::filesystem::path& conf, const std::filesystem::path& data);

    /// Null when no file sets it; names in small letters.
    const ConfValue* find(const std::string& name) const;
    std::string value(const std::string& name, std::string_view otherwise) const;
    /// The folder is read as a whole, by include_dir.
    bool includes(const std::filesystem::path& folder) const;
    /// Forgets what this file sets, and reads it as if it were not there.
    static ConfFiles without(const std::filesystem::path& conf, const std::filesystem::path& data,
                             const std::filesystem::path& left_out);

private:
    ConfFiles() = default;
    void read(const std::filesystem::path& file, int depth);
    void read_folder(const std::filesystem::path& folder, int depth);
    void take(const std::string& name, ConfValue value, int depth);
    std::filesystem::path left_out_;
    std::map<std::string, ConfValue> values_;
    std::vector<std::filesystem::path> folders_;
};

/// One line "name = 'value' # comment" (guc-file.l); an empty name when there is no setting in it.
struct ConfLine {
    std::string name; ///< in small letters
    std::string value;
};
ConfLine parse_conf_line(std::string_view line);

/// The text of a postgresql.auto.conf without the settings that roleswapd alone decides.
std::string without_reserved(std::string_view auto_conf);

/// A file of the administrator with our lines, between two marks, before all others; replaces the
/// lines of before.
std::string with_block(std::string_view text, std::string_view block);

} // namespace roleswap::store
