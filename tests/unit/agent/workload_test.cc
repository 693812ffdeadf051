#include "guestimages/agent/workload.h"

#include <gmock/gmock.h>
#include <signal.h>

namespace crashpath {
namespace {

using testing::HasSubstr;

Result<Workload> parsed(std::string_view text) {
  return parse_workload(Arguments(boost::json::parse(text).as_object()));
}
std::string refusal(std::string_view text) {
  const auto workload = parsed(text);
  return workload ? "taken" : workload.error().message();
}

TEST(Workload, TakesItsDescription) {
  const auto memory = parsed(R"({"name": "memory", "cpu": 0, "times": 3, "memory_mib": 2})").value();
  EXPECT_EQ(memory.name, "memory");
  EXPECT_EQ(memory.cpu, 0);
  EXPECT_EQ(memory.times, 3);
  EXPECT_EQ(memory.memory_mib, 2);
  const auto least = parsed(R"({"name": "memory"})").value();
  EXPECT_EQ(least.cpu, std::nullopt);
  EXPECT_EQ(least.times, 1);
}

TEST(Workload, SaysWhatIsWrong) {
  EXPECT_EQ(refusal(R"({"name": "dance"})"), "unknown workload 'dance'");
  EXPECT_EQ(refusal(R"({"times": 1})"), "argument 'name' is missing");
  EXPECT_EQ(refusal(R"({"name": "memory", "times": 0})"), "'times' must be 1 to 1000000");
  EXPECT_EQ(refusal(R"({"name": "memory", "cpu": -1})"), "'cpu' must be 0 to 1023");
  EXPECT_EQ(refusal(R"({"name": "memory", "cpus": 1})"), "argument 'cpus' is unknown");
  EXPECT_EQ(refusal(R"({"name": "rtas", "memory_mib": 1})"), "argument 'memory_mib' is unknown");
  EXPECT_EQ(refusal(R"({"name": "cpuhp"})"), "argument 'cpu' is missing");
}

TEST(Workload, IsRefusedWhereTheGuestCannotDoIt) {
  EXPECT_THAT(refusal(R"({"name": "rtas"})"), HasSubstr("no RTAS"));
  EXPECT_THAT(refusal(R"({"name": "cpuhp", "cpu": 1000})"), HasSubstr("CPU 1000 cannot be taken offline"));
}

TEST(Workload, IsDoneByATask) {
  const Workload memory = parsed(R"({"name": "memory", "memory_mib": 1})").value();
  WorkloadTask task = start_workload(memory).value();
  ASSERT_TRUE(begin(task));
  EXPECT_TRUE(finish(std::move(task)));
}

TEST(Workload, SaysWhyItEnded) {
  const Workload memory = parsed(R"({"name": "memory", "memory_mib": 1})").value();
  WorkloadTask refused =
      start_workload(memory, true, []() -> Result<> { return Error::guest("no trap"); }).value();
  ASSERT_TRUE(begin(refused));
  EXPECT_EQ(finish(std::move(refused)).error().message(), "no trap");

  const Workload nowhere = parsed(R"({"name": "memory", "cpu": 1023})").value();
  WorkloadTask lost = start_workload(nowhere).value();
  ASSERT_TRUE(begin(lost));
  EXPECT_THAT(finish(std::move(lost)).error().message(), HasSubstr("cannot run on CPU 1023"));
}

TEST(Workload, SaysWhichSignalEndedIt) {
  WorkloadTask task = start_workload(parsed(R"({"name": "memory"})").value(), true).value();
  ::kill(task.pid, SIGTERM);
  EXPECT_EQ(finish(std::move(task)).error().message(), "the workload's task was killed by signal 15");
}

}  // namespace
}  // namespace crashpath
