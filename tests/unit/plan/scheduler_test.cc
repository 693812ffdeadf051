#include "harness/plan/scheduler.h"

#include <gmock/gmock.h>

#include <barrier>

namespace crashpath {
namespace {

using testing::ElementsAre;

TEST(Scheduler, OneWorkerTakesJobsInTheirOrder) {
  std::vector<std::size_t> order;
  run_jobs(4, 1, false, [&](std::size_t number) { order.push_back(number); });
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

TEST(Scheduler, RunsAsManyJobsSideBySideAsThereAreWorkers) {
  std::barrier together(3);  // hangs unless three jobs are running at once
  run_jobs(3, 3, false, [&](std::size_t) { together.arrive_and_wait(); });
}

TEST(Scheduler, NeverRunsMoreThanThereAreWorkers) {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  run_jobs(50, 2, false, [&](std::size_t) {
    const int now = ++running;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    --running;
  });
  EXPECT_LE(most, 2);
}

TEST(Scheduler, KeepsResultsInTheOrderOfTheJobs) {
  const auto results =
      run_jobs_for<int>(100, 4, false, [](std::size_t number) { return static_cast<int>(number) * 2; });
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i], static_cast<int>(i) * 2);
}

TEST(Scheduler, BeginsNothingOnceItIsToStop) {
  std::atomic<bool> stop = false;
  const auto results = run_jobs_for<int>(5, 1, stop, [&](std::size_t number) {
    if (number == 1) stop = true;
    return 7;
  });
  EXPECT_THAT(results, ElementsAre(7, 7, std::nullopt, std::nullopt, std::nullopt));
}

TEST(Scheduler, HasNothingToDoWithoutJobs) {
  EXPECT_TRUE(run_jobs_for<int>(0, 4, false, [](std::size_t) { return 1; }).empty());
}

TEST(Scheduler, WorksWithFewerThanOneWorker) {
  EXPECT_THAT(run_jobs_for<int>(1, 0, false, [](std::size_t) { return 1; }), ElementsAre(1));
}

TEST(Scheduler, PassesOnWhatAJobThrowsOnceTheOthersHaveEnded) {
  std::atomic<int> ended = 0;
  EXPECT_THROW(run_jobs(2, 2, false,
                        [&](std::size_t number) {
                          if (number == 0) throw std::runtime_error("bug");
                          ++ended;
                        }),
               std::runtime_error);
  EXPECT_LE(ended, 1);
}

}  // namespace
}  // namespace crashpath
