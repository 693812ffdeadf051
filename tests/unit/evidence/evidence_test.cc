#include "harness/evidence/evidence.h"

#include <gmock/gmock.h>

#include "harness/evidence/directory.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

TEST(Evidence, OfARealTrial) {
  const TrialCopy trial("arm64-6.12");
  const Evidence evidence(trial.directory());
  EXPECT_EQ(evidence.architecture().value(), "arm64");
  EXPECT_TRUE(evidence.has(evidence_file::kVmcoreElf));
  EXPECT_EQ(evidence.vmcore_file().value(), "vmcore");
  EXPECT_GT(evidence.console(Kernel::first).value()->size(), 300U);
  EXPECT_EQ(evidence.last_message(Kernel::second, "hello").value()->at("release"), "6.12.95+deb12-arm64");
  EXPECT_EQ(evidence.guest_file(Kernel::first, "/sys/devices/system/cpu/online").value(), "0-3\n");
  EXPECT_EQ(evidence.guest_symbol(Kernel::first, "_stext").value(), 0xffff800080010000U);
  EXPECT_TRUE(evidence.vmcore());
  EXPECT_TRUE(evidence.page_hashes(Moment::captured));
}

TEST(Evidence, NamesWhatIsMissing) {
  TrialCopy trial("arm64-6.1-bad-headers");
  const Evidence evidence(trial.directory());
  EXPECT_THAT(evidence.guest_file(Kernel::first, "/proc/nothing").error().message(),
              HasSubstr("the first kernel reported no /proc/nothing"));
  EXPECT_THAT(evidence.last_message(Kernel::second, "progress").error().message(),
              HasSubstr("the second kernel sent no progress"));
  EXPECT_THAT(evidence.vmcore().error().message(), HasSubstr("no dump was captured"));
  EXPECT_THAT(evidence.page_hashes(Moment::captured).error().message(),
              HasSubstr("memory-captured.pagehash"));
}

TEST(Evidence, TellsALostRecordFromAGuestsSilence) {
  TrialCopy trial("arm64-6.12");
  trial.remove("agent.jsonl");
  trial.replace("trial.json", "\"arch\"", "\"art\"");
  const Evidence evidence(trial.directory());
  EXPECT_EQ(evidence.last_message(Kernel::first, "hello").error().fault(), Fault::host);
  EXPECT_THAT(evidence.architecture().error().message(), HasSubstr("no \"arch\""));
}

TEST(Evidence, TakesTheLatestReportThatHasTheFile) {
  TrialCopy trial("arm64-6.12");
  trial.set_guest_file("first", "/sys/devices/system/cpu/online", "0,2-3\n");
  const Evidence evidence(trial.directory());
  EXPECT_EQ(evidence.guest_file(Kernel::first, "/sys/devices/system/cpu/online").value(), "0,2-3\n");
}

TEST(Evidence, TellsASymbolThatTheKernelDoesNotHaveFromOneThatNobodyAskedFor) {
  TrialCopy trial("arm64-6.12");
  trial.edit_messages([](boost::json::object& message) {
    if (message.contains("missing")) message["missing"].as_array().emplace_back("gic_rdists");
  });
  const Evidence evidence(trial.directory());
  EXPECT_EQ(evidence.guest_symbol(Kernel::first, "gic_rdists").error().fault(), Fault::lacks);
  EXPECT_EQ(evidence.guest_symbol(Kernel::first, "rtas_args").error().fault(), Fault::guest);
}

TEST(Evidence, RefusesWhatTheGuestGarbled) {
  TrialCopy trial("arm64-6.12");
  trial.edit_messages([](boost::json::object& message) {
    if (message.contains("hex")) message["hex"].as_object()["/sys/kernel/notes"] = "0g";
    if (message.contains("symbols")) message["symbols"].as_object()["_stext"] = "0x0";
    if (message.contains("data")) message["data"].as_object()["hex"] = "7f454c46";
  });
  const Evidence evidence(trial.directory());
  EXPECT_THAT(evidence.guest_bytes(Kernel::first, "/sys/kernel/notes").error().message(),
              HasSubstr("not in hex"));
  EXPECT_THAT(evidence.guest_symbol(Kernel::first, "_stext").error().message(),
              HasSubstr("as address of _stext"));
  EXPECT_THAT(evidence.vmcore_headers().error().message(), HasSubstr("not an ELF file"));
}

}  // namespace
}  // namespace crashpath
