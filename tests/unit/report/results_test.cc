#include "harness/report/results.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "tests/unit/report/sample_results.h"

namespace crashpath {
namespace {

namespace json = boost::json;

using testing::HasSubstr;

int status_of(const std::vector<Outcome>& outcomes) {
  Results results;
  for (const Outcome outcome : outcomes)
    results.trials.push_back(sample_trial("a.b", outcome, Stage::verify, ""));
  return exit_status(results);
}

TEST(ExitStatus, FollowsTheOutcomes) {
  using enum Outcome;
  EXPECT_EQ(status_of({pass}), 0);
  EXPECT_EQ(status_of({pass, xfail, skip}), 0);
  EXPECT_EQ(status_of({pass, fail}), 1);
  EXPECT_EQ(status_of({pass, xpass}), 1);
  EXPECT_EQ(status_of({error, fail, pass}), 1);
  EXPECT_EQ(status_of({error, pass}), 3);
  EXPECT_EQ(status_of({error}), 3);
  EXPECT_EQ(status_of({}), 4);
  EXPECT_EQ(status_of({skip, skip}), 4);
  EXPECT_EQ(status_of({xfail, skip}), 4);
}

TEST(Results, RefuseAnotherSchema) {
  json::object object = sample_results().to_json();
  object["schema"] = 2;
  const auto results = Results::from_json(object);
  ASSERT_FALSE(results);
  EXPECT_THAT(results.error().to_string(), HasSubstr("schema 2"));
}

TEST(Results, RefuseWhatLacksAMember) {
  for (const char* member : {"schema", "run", "trials"}) {
    json::object object = sample_results().to_json();
    object.erase(member);
    const auto results = Results::from_json(object);
    ASSERT_FALSE(results) << member;
    EXPECT_THAT(results.error().message(), HasSubstr(member));
  }
  json::object object = sample_results().to_json();
  object["trials"].as_array()[1].as_object()["kernel"].as_object().erase("release");
  EXPECT_FALSE(Results::from_json(object));
}

TEST(Results, OfATrialNameItsDump) {
  const std::filesystem::path directory = testing::TempDir() + "/results-" + std::to_string(::getpid());
  std::filesystem::create_directories(directory);
  Scenario scenario;
  scenario.name = "panic.sysrq";
  GuestImage image;
  image.architecture = find_architecture("pseries");
  image.kernel_release = "6.1.0-50-powerpc64le";
  PlannedTrial planned;
  planned.id = "pseries-6.1-panic.sysrq-1";
  planned.scenario = &scenario;
  planned.image = &image;
  planned.machine.architecture = image.architecture;

  EXPECT_EQ(make_trial_result(planned, directory, {}).dump, "");
  std::ofstream(directory / "vmcore") << "dump";
  EXPECT_EQ(make_trial_result(planned, directory, {}).dump, "vmcore");
  std::ofstream(directory / "trial.json") << json::serialize(identity_to_json(planned));
  const auto read = read_trial_result(directory, {});
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->id, planned.id);
  EXPECT_EQ(read->kernel_release, image.kernel_release);
  EXPECT_EQ(read->machine, make_trial_result(planned, directory, {}).machine);
  std::filesystem::remove_all(directory);
}

TEST(Results, TellTimeInUtc) {
  EXPECT_EQ(to_utc(std::chrono::system_clock::from_time_t(0)), "1970-01-01T00:00:00Z");
}

}  // namespace
}  // namespace crashpath
