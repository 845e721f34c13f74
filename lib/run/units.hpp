#pragma once
#include "run/spec.hpp"
#include "services/manager.hpp"
#include <map>
#include <string>

namespace roleswap::run {

/// Where the transient units of a node's tasks live, and why they cannot.
struct UnitPlace {
    std::string slice;  ///< "roleswap-NAME.slice"
    std::string folder; ///< its cgroup, which comes and goes with its units; empty: none can be
    std::string bound; ///< the unit of this daemon, with which those of its tasks end; may be empty
    std::string why;   ///< sentence; empty: units can be made
    std::string fix;
};

/// `name` is that of the executor.  Asks nobody but files: cheap enough to be called often.
UnitPlace find_unit_place(const std::string& name);

/// A limit that the kernel of this machine does not enforce.
struct MissingLimit {
    std::string field;      ///< of the task: "memory_max"
    std::string controller; ///< of cgroups (cgroups(7)): "memory"
};
std::vector<MissingLimit> missing_limits(const std::vector<UnitProperty>& properties);

/// Makes transient units (org.freedesktop.systemd1(5), StartTransientUnit) and tells who asked,
/// while it is still there.  Owned by the executor.  Pinned.
class Units {
public:
    class Asker {
    public:
        /// Empty: its main process has been started.
        virtual void unit_started(const std::string& trouble) = 0;

    protected:
        ~Asker() = default;
    };
    struct Order {
        std::string unit;
        const RunSpec& spec;
        int control = -1; ///< borrowed: standard input of the keeper
    };

    Units(event::Loop& loop, UnitPlace place, std::string keeper);
    Units(const Units&) = delete;
    Units& operator=(const Units&) = delete;

    const UnitPlace& place() const { return place_; }
    /// A name that no other unit has.  `number` grows.
    std::string name_of(RunId run, std::uint64_t number) const;
    /// Throws std::system_error when systemd cannot be asked.
    void start(const Order& order, Asker& asker);
    /// The asker is told nothing more, and systemd may forget the unit once it has ended.
    void leave(const std::string& unit) noexcept;

private:
    void answered(const std::string& unit, const std::string& trouble);
    void tell(const std::string& unit, const std::string& trouble);

    UnitPlace place_;
    std::string keeper_;
    services::Manager manager_;
    std::map<std::string, Asker*> askers_;
};

} // namespace roleswap::run
