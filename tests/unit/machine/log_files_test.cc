#include "harness/machine/qemu/log_files.h"

#include <gmock/gmock.h>

#include "harness/base/scratch_directory.h"

namespace crashpath {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class LogFilesTest : public testing::Test {
 protected:
  BoundedLog log(const std::string& name, std::size_t limit = kMaxLog) {
    return BoundedLog::create(path(name), limit).value();
  }
  std::string content(const std::string& name) { return read_file(path(name)).value(); }
  std::filesystem::path path(const std::string& name) { return directory_.path() / name; }

 private:
  ScratchDirectory directory_ = ScratchDirectory::make(testing::TempDir()).value();
};

// As QEMU 7.2 printed them, of an arm64 guest.
constexpr std::string_view kTrace =
    "4242@1795283964.116243:gicv3_redist_write GICv3 redistributor 0x0 write: offset 0x70 data 0x4000070f\n";
constexpr std::string_view kMessage =
    "Invalid read at addr 0x94D00A07D5242A0, size 8, region '(null)', reason: rejected\n";

TEST_F(LogFilesTest, TraceEventsAreToldFromMessages) {
  LogFiles logs(log("qemu.log"), log("trace.log"));
  const std::string both = std::string(kMessage) + std::string(kTrace) + std::string(kMessage);
  for (const char byte : both) logs.take(std::string_view(&byte, 1));
  EXPECT_EQ(content("trace.log"), kTrace);
  EXPECT_EQ(content("qemu.log"), std::string(kMessage) + std::string(kMessage));
}

TEST_F(LogFilesTest, TheLastWordsNeedNoLineEnd) {
  LogFiles logs(log("qemu.log"), log("trace.log"));
  logs.take("qemu-system-ppc64: out of");
  EXPECT_EQ(content("qemu.log"), "");
  logs.end();
  EXPECT_EQ(content("qemu.log"), "qemu-system-ppc64: out of\n");
}

TEST_F(LogFilesTest, AGuestCannotFillTheDisk) {
  LogFiles logs(log("qemu.log", 1000), log("trace.log"));
  for (int i = 0; i < 1000; ++i) logs.take(kMessage);
  EXPECT_THAT(content("qemu.log"), SizeIs(testing::Lt(1100)));
  EXPECT_THAT(content("qemu.log"), StartsWith(std::string(kMessage)));
  EXPECT_THAT(content("qemu.log"), HasSubstr("crashpath: this log was full here"));
}

TEST_F(LogFilesTest, WithoutANameNothingIsKept) {
  LogFiles logs(BoundedLog::create({}).value(), BoundedLog::create({}).value());
  logs.take(kMessage);
  logs.end();
}

}  // namespace
}  // namespace crashpath
