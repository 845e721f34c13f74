#pragma once
#include "task/task.hpp"
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::task {

enum class CrontabKind : std::uint8_t {
    system, ///< /etc/crontab and /etc/cron.d: the sixth field is a user
    user,   ///< what crontab -e edits
};

struct ImportOptions {
    std::string user;   ///< owner of a user crontab; becomes the user of its tasks
    std::string prefix; ///< of the generated names; empty: made of the path, "cron.d-sysstat"
};

struct ImportNote {
    unsigned line = 1;
    unsigned column = 1;
    std::string message; ///< what was read, and what became of it or what is allowed
};

struct Import {
    std::vector<Task> tasks;      ///< in the order of the lines; names unique
    std::vector<ImportNote> lost; ///< understood, but kept differently or not at all
    std::vector<ImportNote>
        errors; ///< no task is made of these lines; cron drops nearly all of them, too
};

/// Reads a crontab by the rules of crontab(5), cronie and Debian.  `path` is used for the names of
/// the tasks only.  Never throws for what the text holds.
Import import_crontab(std::string_view text, std::string_view path, CrontabKind kind,
                      const ImportOptions& options);

} // namespace roleswap::task
