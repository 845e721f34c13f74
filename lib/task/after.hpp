#pragma once
#include "task/task.hpp"
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Tasks that run after others: what an entry of `after` says, and whether all entries together can
/// come true.
namespace roleswap::task {

/// Which ends of the named task count.
enum class AfterWhich : std::uint8_t { success, failure, any };
std::string_view to_string(AfterWhich which);

/// One entry of `after`.
struct After {
    std::string task;
    AfterWhich which = AfterWhich::success;
    bool operator==(const After&) const = default;
};
/// "fetch", the same as "fetch:success"; "fetch:failure"; "fetch:any".  Throws Error.
After parse_after(std::string_view text);
/// The text that parse_after reads, in its shortest form.
std::string to_text(const After& after);
/// Of the entries of a task, which were read once already.
std::vector<After> after_of(const Task& task);

/// Follows the entries of `after` from one task to those it names, and from there on, and refuses
/// names that are no task with runs of their own, and circles.  Little by little: there may be
/// thousands of tasks.
class AfterWalk {
public:
    /// Null where there is no such task; what it answers stays until the walk is over.
    using Look = std::function<const Task*(const std::string& name)>;
    explicit AfterWalk(Look look) : look_(std::move(look)) {}

    /// From here next; what an earlier walk has seen is not walked again.
    void begin(const std::string& name);
    /// One entry further; false when all was seen.  Throws Error, which belongs to the task that
    /// `begin` named.
    bool step();

private:
    struct Stop {
        std::string name;
        std::vector<After> after;
        std::size_t at = 0;
    };
    void visit(const std::string& from, const std::string& name);
    [[noreturn]] void refuse_circle(const std::string& name) const;

    enum class Seen : std::uint8_t { on_path, clear };
    Look look_;
    std::vector<Stop> path_;
    std::map<std::string, Seen> seen_;
};

} // namespace roleswap::task
