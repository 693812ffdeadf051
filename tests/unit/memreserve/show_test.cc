#include "memreserve/show.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/corpus/trial_copy.h"
#include "tests/unit/report/golden.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

constexpr const char* kShown = "arm64-6.12-memreserve";

MemreserveExhibit exhibit_of(const TrialCopy& trial) {
  return make_memreserve_exhibit(Evidence(trial.directory())).value();
}

TEST(MemreserveShow, PutsTheWitnessesOfAHealthyChainSideBySide) {
  const MemreserveExhibit exhibit = exhibit_of(TrialCopy(kShown));
  EXPECT_TRUE(exhibit.agrees());
  expect_golden("memreserve.txt", to_text(exhibit));
}

TEST(MemreserveShow, MarksWhatContradicts) {
  TrialCopy trial(kShown);
  trial.replace("device-state-second-kernel.json", "\"gicr_pendbaser\":\"0x40220780\"",
                "\"gicr_pendbaser\":\"0x40210780\"");
  trial.replace("console-second.log", "using reserved LPI", "using allocated LPI");
  const MemreserveExhibit exhibit = exhibit_of(trial);
  EXPECT_FALSE(exhibit.agrees());
  expect_golden("memreserve-contradictions.txt", to_text(exhibit));
}

TEST(MemreserveShow, FitsABugReport) {
  TrialCopy trial(kShown);
  trial.replace("agent.jsonl", "maxcpus=1", std::string(300, 'x'));
  std::istringstream text(to_text(exhibit_of(trial)));
  for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(MemreserveShow, ShowsWhatThereIsWhereNothingCanBePredicted) {
  TrialCopy trial(kShown);
  trial.replace("agent.jsonl", "/sys/devices/system/cpu/possible", "/nowhere");
  const MemreserveExhibit exhibit = exhibit_of(trial);
  EXPECT_FALSE(exhibit.agrees());
  EXPECT_THAT(to_text(exhibit), HasSubstr("no report of /sys/devices/system/cpu/possible"));
}

TEST(MemreserveShow, JsonHasTheSame) {
  TrialCopy trial(kShown);
  const auto object = to_json(exhibit_of(trial));
  EXPECT_EQ(object.at("kernels").as_array().size(), 3u);
  EXPECT_EQ(object.at("lists").at(0).at("entries").as_array().size(), 4u);
  EXPECT_TRUE(object.at("contradictions").as_array().empty());
  EXPECT_EQ(object.at("devices").at(1).at("redistributors").at(1).at("pending_table").as_string(),
            "0x40220000");
  trial.replace("console-second.log", "using reserved LPI", "using allocated LPI");
  EXPECT_EQ(to_json(exhibit_of(trial)).at("contradictions").at(0).at("subject").as_string(),
            "crash kernel, CPU0");
}

TEST(MemreserveShow, AnotherArchitectureHasNothingToShow) {
  const auto exhibit = make_memreserve_exhibit(Evidence(TrialCopy("pseries-6.12").directory()));
  ASSERT_FALSE(exhibit);
  EXPECT_EQ(exhibit.error().fault(), Fault::usage);
}

}  // namespace
}  // namespace crashpath
