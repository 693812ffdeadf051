#include "guestimages/agent/tracing.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Lines of a 6.12 kernel; a weak function that was left out, and one name twice.
constexpr std::string_view available =
    "__ftrace_invalid_address___1048\n"
    "gic_handle_irq\n"
    "gic_cpu_init.part.0\n"
    "show_cpuinfo\n"
    "gic_handle_irq\n"
    "virtblk_probe [virtio_blk]\n"
    "virtblk_remove [virtio_blk]";

TEST(Tracing, ListsWhatAnyGlobMatchesOnceAndInTheFilesOrder) {
  EXPECT_THAT(list_functions(available, {"show_*", "gic_*"}),
              ElementsAre("gic_handle_irq", "gic_cpu_init.part.0", "show_cpuinfo"));
  EXPECT_THAT(list_functions(available, {"gic_?pu_init*"}), ElementsAre("gic_cpu_init.part.0"));
  EXPECT_THAT(list_functions(available, {"gic"}), IsEmpty());
}

TEST(Tracing, NamesAModulesFunctionsAsKprobesTakeThem) {
  EXPECT_THAT(list_functions(available, {"virtio_blk:*"}),
              ElementsAre("virtio_blk:virtblk_probe", "virtio_blk:virtblk_remove"));
  EXPECT_THAT(list_functions(available, {"virtblk_p*"}), ElementsAre("virtio_blk:virtblk_probe"));
}

TEST(Tracing, SaysWhichNamesSeveralFunctionsHave) {
  EXPECT_THAT(ambiguous_of({"show_cpuinfo", "gic_handle_irq", "virtio_blk:virtblk_probe"}, available),
              ElementsAre("gic_handle_irq"));
}

TEST(Tracing, LeavesOutWhatIsNoFunction) {
  EXPECT_THAT(list_functions(available, {"__ftrace*"}), IsEmpty());
  EXPECT_EQ(list_functions(available, {}).size(), 5U);
}

TEST(Tracing, KeepsTheOrderOfFirstHits) {
  FirstHits hits;
  for (const char* line :
       {"# tracer: function", "#", "show_cpuinfo", " virtblk_probe", "show_cpuinfo", "", "gic_handle_irq"})
    hits.add_line(line);
  EXPECT_THAT(hits.names(), ElementsAre("show_cpuinfo", "virtblk_probe", "gic_handle_irq"));
  EXPECT_THAT(symbols_of(hits.names(), available, {}),
              ElementsAre("show_cpuinfo", "virtio_blk:virtblk_probe", "gic_handle_irq"));
  EXPECT_THAT(symbols_of(hits.names(), available, {"gic_*"}), ElementsAre("gic_handle_irq"));
}

// What stands in a trace and is no function's name ("0xffff...", "CPU:3 [LOST 5 EVENTS]") cannot be probed.
TEST(Tracing, TakesOnlyFunctionsThatTheKernelKnows) {
  EXPECT_THAT(symbols_of({"0xffff800080123456", "CPU:3 [LOST 5 EVENTS]", ""}, available, {}), IsEmpty());
}

TEST(Tracing, CountsWhatABufferDidNotKeep) {
  constexpr std::string_view stats =
      "entries: 12472\noverrun: 3\ncommit overrun: 20\nbytes: 350936\noldest event ts:   85.69\nnow ts:   "
      "90.1\n"
      "dropped events: 100\nread events: 7\n";
  EXPECT_EQ(lost_events(stats), 123U);
  EXPECT_EQ(lost_events("entries: 12472\noverrun: 0\ncommit overrun: 0\ndropped events: 0\n"), 0U);
}

}  // namespace
}  // namespace crashpath
