#include "crashpaths/checks/workarea_log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string ask(int number, std::string_view task, int size = 4096) {
  return fmt::format("[    1.0] work_area: {} ask {} by {}\n", number, size, task);
}
std::string got(int number, int ask, std::uint64_t address, int size = 4096) {
  return fmt::format("[    1.0] work_area: {} got {:#x} {} ask {}\n", number, address, size, ask);
}
std::string freed(int number, std::uint64_t address, int size = 4096) {
  return fmt::format("[    1.0] work_area: {} free {:#x} {}\n", number, address, size);
}

TEST(WorkAreaLog, SaysWhoHoldsWhatAndWhoWaits) {
  const auto log = parse_work_area_log("[    1.0] work_area: limit 0x40000000\n" + ask(1, "a/1") +
                                       got(3, 1, 0x2000) + ask(2, "b/2", 131072) + ask(4, "c/3") +
                                       got(5, 2, 0x40000, 131072) + freed(6, 0x2000));
  ASSERT_TRUE(log) << log.error().to_string();
  EXPECT_EQ(log->limit, 0x40000000U);
  ASSERT_EQ(log->held.size(), 1U);
  EXPECT_EQ(log->held.at(0x40000).task, "b/2");
  EXPECT_EQ(log->most_held, 2U);
  ASSERT_EQ(log->waiting().size(), 1U);
  EXPECT_EQ(log->waiting().front()->task, "c/3");
  EXPECT_THAT(log->contradictions, IsEmpty());
  EXPECT_THAT(log->missing, IsEmpty());
}

TEST(WorkAreaLog, CountsWhoWasServedBeforeWhomAlthoughItCameLater) {
  const auto log =
      parse_work_area_log(ask(1, "large/1", 131072) + ask(2, "a/2") + got(3, 2, 0x2000) + ask(4, "b/3") +
                          got(5, 4, 0x3000) + got(6, 1, 0x40000, 131072) + ask(7, "c/4") + got(8, 7, 0x4000));
  ASSERT_TRUE(log);
  EXPECT_EQ(log->requests.at(0).overtaken, 2U);
  EXPECT_EQ(log->requests.at(1).overtaken, 0U);
  EXPECT_EQ(log->requests.at(1).ahead, 1U);
}

TEST(WorkAreaLog, NoticesAnAreaThatTwoHaveAndOneThatNobodyHad) {
  const auto log = parse_work_area_log(ask(1, "a/1") + got(2, 1, 0x2000) + ask(3, "b/2") + got(4, 3, 0x2800) +
                                       freed(5, 0x9000));
  ASSERT_TRUE(log);
  EXPECT_THAT(log->contradictions, ElementsAre(HasSubstr("0x2800-0x37ff is given to b/2 while a/1 has"),
                                               HasSubstr("which nobody had")));
}

TEST(WorkAreaLog, ARequestThatWasAnsweredWithNullDoesNotWait) {
  const auto log = parse_work_area_log(ask(1, "a/1") + "[    1.0] work_area: 2 null ask 1\n");
  ASSERT_TRUE(log);
  EXPECT_TRUE(log->requests.at(0).refused);
  EXPECT_THAT(log->waiting(), IsEmpty());
}

TEST(WorkAreaLog, SaysWhatIsMissingAndRefusesToGuessWhereMuchIs) {
  const auto log = parse_work_area_log(ask(1, "a/1") + got(3, 1, 0x2000));
  ASSERT_TRUE(log);
  EXPECT_THAT(log->missing, ElementsAre(2));
  const auto cut = parse_work_area_log(ask(500, "a/1") + got(501, 500, 0x2000));
  ASSERT_FALSE(cut);
  EXPECT_THAT(cut.error().message(), HasSubstr("of 501 events of the probe work_area the log has 2"));
  EXPECT_FALSE(parse_work_area_log("[    1.0] Linux version 6.12\n"));
}

}  // namespace
}  // namespace crashpath
