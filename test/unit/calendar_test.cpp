#include "task_times.hpp"

namespace roleswap::calendar_test {

using namespace test;

TEST_CASE("calendar expressions say when a task is due", "[calendar]")
{
    struct Row {
        const char* rule;
        const char* after;
        const char* next;
    };
    const auto row = GENERATE(
        Row{"Mon..Fri 08:00", "2026-01-02 08:00", "2026-01-05 08:00:00"},
        Row{"mon,WEDNESDAY 8:0", "2026-01-05 08:00", "2026-01-07 08:00:00"},
        Row{"Mon-Wed 08:00", "2026-01-05 08:00", "2026-01-06 08:00:00"},
        Row{"Sat,Sun", "2026-01-01 00:00", "2026-01-03 00:00:00"},
        Row{"Sat,Thu,Mon..Wed,Sat..Sun", "2026-01-01 00:00", "2026-01-03 00:00:00"},
        Row{"*-*-01 03:00:00", "2026-01-01 03:00", "2026-02-01 03:00:00"},
        Row{"2026-12-24", "2026-01-01 00:00", "2026-12-24 00:00:00"},
        Row{"2026-12-24", "2026-12-24 00:00", "never"},
        Row{"26-12-24 6:5:4", "2026-01-01 00:00", "2026-12-24 06:05:04"},
        Row{"70-1-1 0:0", "1969-12-31 00:00", "1970-01-01 00:00:00"},
        Row{"12-24 18:30", "2026-12-24 18:30", "2027-12-24 18:30:00"},
        Row{"*-*-* 08..10:00", "2026-01-01 10:00", "2026-01-02 08:00:00"},
        Row{"*:0/20", "2026-01-01 00:20", "2026-01-01 00:40:00"},
        Row{"0/6:30", "2026-01-01 18:30", "2026-01-02 00:30:00"},
        Row{"10:10..50/20", "2026-01-01 10:30", "2026-01-01 10:50:00"},
        Row{"*:*:*", "2026-01-01 00:00:59", "2026-01-01 00:01:00"},
        Row{"*:*:0/25", "2026-01-01 00:00:25", "2026-01-01 00:00:50"},
        Row{"*:0,30:15", "2026-01-01 23:30:15", "2026-01-02 00:00:15"},
        Row{"9:59:30,45", "2026-01-01 09:59:40", "2026-01-01 09:59:45"},
        Row{"9,10:58,59:30", "2026-01-01 09:59:31", "2026-01-01 10:58:30"},
        Row{"*-02~01", "2026-01-01 00:00", "2026-02-28 00:00:00"},
        Row{"*-02~01", "2028-01-01 00:00", "2028-02-29 00:00:00"},
        Row{"*-*~03 12:00", "2026-01-01 00:00", "2026-01-29 12:00:00"},
        Row{"Mon *-05~07/1", "2026-01-01 00:00", "2026-05-25 00:00:00"},
        Row{"*-*~1..3", "2026-01-29 00:00", "2026-01-30 00:00:00"},
        Row{"*-*~2,5", "2026-02-01 00:00", "2026-02-24 00:00:00"},
        Row{"*-*~*", "2026-02-01 00:00", "2026-02-02 00:00:00"},
        Row{"2000..2200-1-1", "2026-01-01 00:00", "bad"},
        Row{"2024/4-02-29", "2026-01-01 00:00", "2028-02-29 00:00:00"},
        Row{"Fri *-*-13 18:00", "2026-01-01 00:00", "2026-02-13 18:00:00"}, // both must match
        Row{"*-02-30", "2026-01-01 00:00", "never"},
        Row{"*-*-* 00:00", "2199-12-31 00:00", "never"},
        Row{"minutely", "2026-01-01 00:00", "2026-01-01 00:01:00"},
        Row{"hourly", "2026-01-01 00:00", "2026-01-01 01:00:00"},
        Row{"Daily", "2026-01-01 00:00", "2026-01-02 00:00:00"},
        Row{"weekly", "2026-01-01 00:00", "2026-01-05 00:00:00"},
        Row{"monthly", "2026-01-01 00:00", "2026-02-01 00:00:00"},
        Row{"quarterly", "2026-01-01 00:00", "2026-04-01 00:00:00"},
        Row{"semiannually", "2026-01-01 00:00", "2026-07-01 00:00:00"},
        Row{"yearly", "2026-01-01 00:00", "2027-01-01 00:00:00"},
        Row{"annually", "2026-01-01 00:00", "2027-01-01 00:00:00"},
        Row{"calendar Mon..Fri 08:00", "2026-01-02 08:00", "2026-01-05 08:00:00"},
        Row{"calendar  2026-12-24", "2026-01-01 00:00", "2026-12-24 00:00:00"},
        Row{"Mon..Fri 08:00 Europe/Berlin", "2026-01-02 08:00", "2026-01-05 07:00:00"},
        Row{"daily Asia/Kathmandu", "2026-01-01 00:00", "2026-01-01 18:15:00"},
        Row{"12-24 UTC", "2026-01-01 00:00", "2026-12-24 00:00:00"});
    INFO(row.rule << " after " << row.after);
    if (row.next == std::string_view("bad"))
        CHECK(fault(row.rule) == "7: year \"2200\"; allowed: 1970 to 2199");
    else
        CHECK(text(schedule(row.rule).next(at(row.after))) == row.next);
}

TEST_CASE("what is no calendar expression is refused with its column", "[calendar]")
{
    struct Row {
        const char* rule;
        const char* message;
    };
    const auto row = GENERATE(
        Row{"Fri..Mon 08:00", "1: weekdays \"Fri..Mon\" go backward; allowed: a range from Mon to "
                              "Sun, in this order"},
        Row{"Mon,Tee 08:00", "5: weekday \"Tee\"; allowed: Mon to Sun, Mon..Fri, Sat,Sun"},
        Row{"Mon 24:00", "5: hour \"24\"; allowed: 0 to 23"},
        Row{"8:60", "3: minute \"60\"; allowed: 0 to 59"},
        Row{"8:00:30.5", "6: second \"30.5\"; allowed: whole seconds: due times have no fraction"},
        Row{"8:00:00:00", "1: time \"8:00:00:00\"; allowed: hour:minute:second"},
        Row{"8:*/5", "3: minute \"*/5\"; allowed: * alone; a step is 0/5 here"},
        Row{"8:0/60", "3: step 60 of the minute reaches no second value; allowed: steps up to 59 "
                      "from 0"},
        Row{"8:0/0", "5: step \"0\" of the minute; allowed: a whole number from 1"},
        Row{"8:9..5",
            "3: minute range \"9..5\" goes backward; allowed: a range that goes up within "
            "0 to 59"},
        Row{"8:", "3: an empty value of the minute; allowed: 0 to 59"},
        Row{"*-13-01", "3: month \"13\"; allowed: 1 to 12"},
        Row{"*-*~29", "5: day \"29\"; allowed: 1 to 28, counted from the end of the month"},
        Row{"1-2-3-4",
            "1: date \"1-2-3-4\"; allowed: year-month-day or month-day; ~ instead of the "
            "last - counts days from the end of the month"},
        Row{"*~01-01 8:00", "1: date \"*~01-01\"; allowed: year-month-day or month-day; ~ instead "
                            "of the last - counts days from the end of the month"},
        Row{"8:00 Europe/Berln", "6: time zone \"Europe/Berln\"; allowed: an IANA name such as "
                                 "\"Europe/Berlin\", or \"UTC\""},
        Row{"8:00 12-24", "6: \"12-24\" in a calendar expression; allowed: [weekdays] "
                          "[year-month-day] [hour:minute[:second]] [time zone], such as Mon..Fri "
                          "08:00, or a word such as weekly"},
        Row{"calendar",
            "9: an empty calendar expression; allowed: [weekdays] [year-month-day] "
            "[hour:minute[:second]] [time zone], such as Mon..Fri 08:00, or a word such "
            "as weekly"},
        Row{"calendar 5 4 * * *", "10: \"5\" in a calendar expression; allowed: [weekdays] "
                                  "[year-month-day] [hour:minute[:second]] [time zone], such as "
                                  "Mon..Fri 08:00, or a word such as weekly"},
        Row{"2026-13-01 08:00", "6: month \"13\"; allowed: 1 to 12"});
    CHECK(fault(row.rule) == row.message);
}

TEST_CASE("five fields stay five fields beside calendar expressions", "[calendar]")
{
    for (const char* rule : {"5-10 * * * *", "0 0 1-5 * mon", "* * * * *", "1 2 3 4 5"})
        CHECK(std::holds_alternative<Cron>(schedule(rule).rule()));
    for (const char* rule : {"Mon", "5-10", "*-*-*", "8:00", "Mon 8..9:00", "*-*~01", "weekly UTC"})
        CHECK(std::holds_alternative<Calendar>(schedule(rule).rule()));
    CHECK(fault("* * *").starts_with("6: no month"));
}

TEST_CASE("calendar expressions keep cron's rules when the clock is moved", "[calendar]")
{
    // 2026-03-29 02:00 CET becomes 03:00 CEST at 01:00 UTC; 2026-10-25 03:00 CEST becomes 02:00.
    const auto spring = [](const char* rule) {
        return dues(schedule(rule, "Europe/Berlin"), at("2026-03-28 23:30"),
                    at("2026-03-29 02:30"));
    };
    CHECK(spring("*-*-* 02:30") == Texts{"03-29 01:00"});
    CHECK(spring("02:10,20:15") == Texts{"03-29 01:00"}); // one instant, one run
    CHECK(spring("2026-03-29 02:30") == Texts{"03-29 01:00"});
    CHECK(spring("hourly") == Texts{"03-29 00:00", "03-29 01:00", "03-29 02:00"});
    CHECK(spring("02:0/20").empty());
    CHECK(spring("0/2:30") == Texts{"03-29 02:30"}); // 04:30; 02:30 does not exist
    CHECK(spring("02,04:30") == Texts{"03-29 01:00", "03-29 02:30"});
    const auto autumn = [](const char* rule) {
        return dues(schedule(rule, "Europe/Berlin"), at("2026-10-24 23:30"),
                    at("2026-10-25 02:00"));
    };
    CHECK(autumn("*-*-* 02:30") == Texts{"10-25 00:30"});
    CHECK(autumn("hourly") == Texts{"10-25 00:00", "10-25 01:00", "10-25 02:00"});
    CHECK(autumn("02:0/30") == Texts{"10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30"});
    CHECK(autumn("*-*-* 02:30 America/New_York").empty());
}

TEST_CASE("a schedule that is over still has its last due time", "[calendar]")
{
    const auto once = schedule("2026-12-24 18:00");
    CHECK(text(once.previous(at("2026-12-31 00:00"))) == "2026-12-24 18:00:00");
    CHECK(text(once.previous(at("2050-01-01 00:00"))) == "2026-12-24 18:00:00");
    CHECK(text(once.previous(at("2026-12-24 18:00"))) == "never");
    const auto due = once.due_between(at("2026-01-01 00:00"), at("2040-01-01 00:00"), 10);
    CHECK(due.total == 1);
    REQUIRE(due.newest.size() == 1);
    CHECK(text(due.newest[0]) == "2026-12-24 18:00:00");
}

TEST_CASE("a schedule that is never due says so at once", "[calendar]")
{
    const auto begun = steady_clock::now();
    for (const char* rule : {"*-02-30", "Mon 2026-02-30 12:00", "2026-02-29", "*-04,06,09,11-31"}) {
        INFO(rule);
        CHECK_FALSE(schedule(rule, "Europe/Berlin").next(at("1970-01-01 00:00")));
        CHECK_FALSE(schedule(rule, "Europe/Berlin").previous(at("2190-01-01 00:00")));
    }
    CHECK(steady_clock::now() - begun < 1s);
}

} // namespace roleswap::calendar_test
