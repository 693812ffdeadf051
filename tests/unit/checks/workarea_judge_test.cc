#include "crashpaths/checks/workarea_judge.h"

#include <fmt/format.h>

#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kArena = 0x3ff9c000;

/// "a/1" has the first 4 KiB of the arena and "b/2" the next 4002 bytes; "c/3" is next, "d/4" behind it.
WorkAreaLog log_of_a_crash() {
  WorkAreaLog log;
  log.requests = {{.ask = 1, .got = 2, .size = 4096, .task = "a/1", .pid = 1},
                  {.ask = 3, .got = 4, .size = 4002, .task = "b/2", .pid = 2},
                  {.ask = 5, .size = 131072, .task = "c/3", .pid = 3, .ahead = 1, .overtaken = 8},
                  {.ask = 6, .size = 4096, .task = "d/4", .pid = 4}};
  log.held = {{kArena, {4096, "a/1"}}, {kArena + 4096, {4002, "b/2"}}};
  log.most_held = 2;
  log.limit = 0x40000000;
  return log;
}
WorkAreaPool pool_of_a_crash() {
  return {.arena = {{kArena, kArena + 0x40000}},
          .used = {{kArena, kArena + 0x2000}},
          .granule = 128,
          .first = WorkAreaTask{"c/3", 3},
          .queue = {{"d/4", 4}}};
}

TEST(WorkAreaServed, FailsForNullAndForAnAreaThatTwoHave) {
  WorkAreaLog log = log_of_a_crash();
  EXPECT_THAT(judge_served(log, "vmcore"), Passes());
  log.contradictions = {"event 4: twice"};
  EXPECT_THAT(judge_served(log, "vmcore"), FailsWith("event 4: twice"));
  log.missing = {7};  // may be what it was
  EXPECT_THAT(judge_served(log, "vmcore"), Passes());
  log.requests.at(3).refused = true;
  EXPECT_THAT(judge_served(log, "vmcore"), FailsWith("1 answered with NULL"));
}

TEST(WorkAreaFair, FailsWhereOneWaitsWhileManyAreServed) {
  WorkAreaLog log = log_of_a_crash();
  EXPECT_THAT(judge_fair(log, 4, "vmcore"), Passes());
  EXPECT_THAT(judge_fair(log, 3, "vmcore"),
              FailsWith("131072 bytes by c/3 (event 5): 8 times, with 1 before it, and it still waits"));
  log.requests.clear();
  EXPECT_THAT(judge_fair(log, 1, "vmcore"), FailsWith("no requests"));
}

TEST(WorkAreaPool, FailsWhereItDisagreesWithWhatWasGivenOut) {
  const WorkAreaLog log = log_of_a_crash();
  WorkAreaPool pool = pool_of_a_crash();
  const CheckResult agreed = judge_pool(log, pool, false, "vmcore");
  EXPECT_THAT(agreed, Passes());
  EXPECT_THAT(agreed.got, HasSubstr("a/1 has 4096 bytes at 0x3ff9c000, b/2 has 4002 bytes"));
  pool.used = {{kArena, kArena + 0x3000}};
  EXPECT_THAT(judge_pool(log, pool, false, "vmcore"), FailsWith("nobody has it: 0x3ff9e000-0x3ff9efff"));
  pool.used = {{kArena, kArena + 0x1000}};
  EXPECT_THAT(judge_pool(log, pool, false, "vmcore"), FailsWith("free for the pool: 0x3ff9d000-0x3ff9dfff"));
}

TEST(WorkAreaPool, WhatWasUnderWayAtTheCrashIsNotJudged) {
  WorkAreaLog log = log_of_a_crash();
  WorkAreaPool pool = pool_of_a_crash();
  log.in_flight = {{kArena + 0x1000, kArena + 0x2000}};
  pool.used = {{kArena, kArena + 0x1000}};
  EXPECT_THAT(judge_pool(log, pool, false, "vmcore"), Passes());
  EXPECT_THAT(judge_pool(log, pool, true, "vmcore"), FailsWith("free for the pool"));
}

TEST(WorkAreaPool, IsFullWhenIdle) {
  WorkAreaLog log = log_of_a_crash();
  WorkAreaPool pool = pool_of_a_crash();
  EXPECT_THAT(judge_pool(log, pool, true, "vmcore"), FailsWith("2 areas held"));
  log.held.clear();
  EXPECT_THAT(judge_pool(log, pool, true, "vmcore"), FailsWith("nobody has it"));
  pool.used.clear();
  EXPECT_THAT(judge_pool(log, pool, true, "vmcore"), Passes());
}

TEST(WorkAreaArena, FailsAboveWhatRtasCanReach) {
  WorkAreaPool pool = pool_of_a_crash();
  EXPECT_THAT(judge_arena(pool, 0x40000000, "vmcore"), Passes());
  EXPECT_THAT(judge_arena(pool, kArena + 0x1000, "vmcore"), FailsWith("is out of RTAS' reach"));
  pool.arena.push_back({0x50000000, 0x50040000});
  EXPECT_THAT(judge_arena(pool, 0x40000000, "vmcore"),
              FailsWith("0x50000000-0x5003ffff is out of RTAS' reach"));
  pool.arena = {{0x1080, 0x41080}};
  EXPECT_THAT(judge_arena(pool, 0x40000000, "vmcore"), FailsWith("0x1080 is not at the beginning of a page"));
}

TEST(WorkAreaWaiters, FailWhereTheQueueIsNotOfThoseWhoArrived) {
  const WorkAreaLog log = log_of_a_crash();
  WorkAreaPool pool = pool_of_a_crash();
  const CheckResult agreed = judge_waiters(log, pool, 2, 0, "vmcore");
  EXPECT_THAT(agreed, Passes());
  EXPECT_EQ(agreed.got, "2 wait; the next is c/3, behind it d/4");
  EXPECT_THAT(judge_waiters(log, pool, 3, 0, "vmcore"), FailsWith("2 wait"));
  pool.queue.front().name = "e/5";
  EXPECT_THAT(judge_waiters(log, pool, 2, 0, "vmcore"),
              FailsWith("arrived, but not in the queue: d/4; in the queue, but did not arrive: e/5"));
  EXPECT_THAT(judge_waiters(log, pool, 2, 4, "vmcore"), Passes()) << "each CPU may be on its way";
}

TEST(WorkAreaDataBuffer, FailsForOneThatAnotherSpoiledAndForAReadThatIsMissing) {
  const auto judge = [](std::string_view figures) {
    return judge_data_buffer(
        fmt::format("[    9.1] rtas_data_buf: 400 reads by 20 tasks: {}; up to 3 asked at once, who "
                    "waited longest waited 120 us\n",
                    figures),
        "vmcore");
  };
  EXPECT_THAT(judge("134 answered, 266 given up when busy, 0 failed, 0 spoiled by others"), Passes());
  EXPECT_THAT(judge("134 answered, 266 given up when busy, 0 failed, 7 spoiled by others"),
              FailsWith("7 spoiled"));
  EXPECT_THAT(judge("133 answered, 266 given up when busy, 0 failed, 0 spoiled by others"),
              FailsWith("133 answered"));
  EXPECT_THAT(judge("133 answered, 266 given up when busy, 1 failed, 0 spoiled by others"),
              FailsWith("1 failed"));
  EXPECT_THAT(judge("0 answered, 400 given up when busy, 0 failed, 0 spoiled by others"),
              FailsWith("0 answered"));
  EXPECT_THAT(judge_data_buffer("[    9.1] Kernel panic\n", "vmcore"), FailsWith("no figures"));
}

TEST(WorkAreaDataBuffer, SaysWhoHadItAtTheCrash) {
  EXPECT_THAT(judge_data_buffer_at_crash(
                  "rtas_data_buf: at the crash data_buf_4/163 on CPU 2 has the buffer, 2 more ask for it\n",
                  "vmcore"),
              Passes());
  EXPECT_THAT(judge_data_buffer_at_crash("rtas_data_buf: at the crash nobody has the buffer\n", "vmcore"),
              FailsWith("nobody"));
  EXPECT_THAT(judge_data_buffer_at_crash("Kernel panic\n", "vmcore"), FailsWith("did not say"));
}

}  // namespace
}  // namespace crashpath
