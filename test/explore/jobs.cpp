#include "modes.hpp"

/// What is searched in CI and at night.
namespace roleswap::explore {
namespace {

/// A search that is to close has gone astray when it is not closed by then.
constexpr std::uint64_t closed_states = 5'000'000;

class Jobs {
public:
    /// Walked to the end.
    void close(const char* name, std::string_view kinds, unsigned faults = 1)
    {
        add(name, kinds, faults, {{}, closed_states, Ends::closed});
    }
    /// Only the first so many states.
    void bound(const char* name, std::string_view kinds, unsigned faults, std::uint64_t states)
    {
        add(name, kinds, faults, {{}, states, Ends::bounded});
    }
    std::vector<Job> list;

private:
    void add(const char* name, std::string_view kinds, unsigned faults, Job job)
    {
        job.mode = find_mode(name);
        only(job.mode, kinds, static_cast<std::uint8_t>(faults));
        list.push_back(std::move(job));
    }
};

//                       cut 0, crash 1, freeze 2, stall 3, store 4, third 5, guard 6, command 7

/// Every kind of fault once.
void add_single(Jobs& jobs)
{
    for (const char* name :
         {"pair", "pair-without-probes", "pair-without-guard", "witness", "fence"})
        for (const char* kind : {"0", "1", "2", "4"}) jobs.close(name, kind);
    for (const char* name : {"pair", "pair-without-probes", "witness", "fence"})
        jobs.close(name, "6");
    for (const char* name : {"serial", "witness-serial", "fence-serial"}) jobs.close(name, "0");
    for (const char* name : {"witness", "witness-and-fence"}) jobs.close(name, "5");
    for (const char* kind : {"1", "2"}) jobs.close("witness-and-fence", kind);
    for (const char* name : {"pair", "witness", "fence"}) jobs.bound(name, "3", 1, 200'000);
    for (const char* name : {"cold", "cold-witness"}) jobs.close(name, "1");
    jobs.bound("cold-fence", "1", 1, 150'000);
}

/// An order at any point, alone and with a fault.
void add_operated(Jobs& jobs)
{
    for (const char* name : {"hand-over", "operator", "witness-operator", "fence-operator",
                             "serial-operator", "witness-and-fence-operator"})
        jobs.close(name, "7");
    for (const char* kinds : {"07", "17", "27"}) jobs.bound("hand-over", kinds, 2, 250'000);
    for (const char* name : {"operator", "fence-operator", "serial-operator"})
        jobs.bound(name, "07", 2, 100'000);
    jobs.bound("operator", "37", 3, 100'000);
    jobs.bound("witness-operator", "57", 2, 150'000);
    jobs.bound("witness-and-fence-operator", "17", 2, 100'000);
}

void add_dr(Jobs& jobs)
{
    for (const char* kind : {"4", "7"}) jobs.close("dr-leads", kind);
    jobs.bound("dr", "017", 2, 150'000);
    jobs.bound("dr-apart", "7", 2, 150'000);
    for (const char* kinds : {"07", "17"}) jobs.bound("dr-leads", kinds, 3, 150'000);
}

/// Several things in a row, as some rows of the table need them.
void add_several(Jobs& jobs)
{
    for (const char* name : {"pair-late", "witness-late"}) jobs.bound(name, "03", 2, 100'000);
    for (const char* kinds : {"05", "01"}) jobs.bound("fence", kinds, 2, 100'000);
    jobs.bound("cold", "4", 3, 150'000);
    jobs.bound("cold", "37", 2, 150'000);
    jobs.bound("hand-over", "367", 3, 120'000);
    jobs.bound("hand-over", "47", 2, 150'000);
    jobs.bound("pair", "01246", 2, 100'000);
    jobs.bound("witness", "01245", 2, 100'000);
}

} // namespace

std::vector<Job> ci_jobs()
{
    Jobs jobs;
    add_single(jobs);
    add_operated(jobs);
    add_dr(jobs);
    add_several(jobs);
    return std::move(jobs.list);
}

/// All kinds of faults at once go wide; what needs a fault, time, and then another one is found
/// where few kinds leave room for depth.
std::vector<Job> nightly_jobs()
{
    Jobs jobs;
    jobs.list = ci_jobs();
    for (const char* name : {"pair", "witness", "fence"})
        for (const char* kinds : {"01", "02", "04", "06", "12", "14", "16", "24", "26", "46"})
            jobs.bound(name, kinds, 2, 1'500'000);
    // One hand-over and one fault, beyond its end, which is 23 steps away when nothing happens.
    for (const char* kinds : {"07", "17", "27", "37", "47", "67"})
        jobs.bound("hand-over", kinds, 2, 12'000'000);
    for (const char* name : {"witness-operator", "fence-operator"})
        for (const char* kinds : {"07", "17", "27"}) jobs.bound(name, kinds, 2, 3'000'000);
    for (Mode& mode : modes()) jobs.list.push_back({std::move(mode), 4'000'000});
    return std::move(jobs.list);
}

} // namespace roleswap::explore
