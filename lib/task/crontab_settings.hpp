#pragma once
#include "task/crontab.hpp"
#include "task/crontab_line.hpp"
#include <map>

namespace roleswap::task {

/// What the variables of a crontab, read so far, make of a task.  Used by the import only.
class CrontabSettings {
public:
    explicit CrontabSettings(std::string description);

    /// Takes the variable of line `line`.  Returns why it is not kept; empty when it is.  Throws
    /// Error where its value is wrong.
    std::string set(const CrontabVariable& variable, unsigned line, unsigned column);

    /// A task of `user` with all settings.  Throws Error after a variable with a wrong value: the
    /// task would run in another way than it was meant to.
    Task make_task(const std::string& user, unsigned column) const;

private:
    void set_field(std::string_view field_name, const CrontabVariable& variable, unsigned line,
                   unsigned column);

    Task task_;
    bool has_mail_to_ = false;
    std::map<std::string, unsigned> broken_; ///< variables with a wrong value, and their line
};

} // namespace roleswap::task
