#include "harness/evidence/vpa.h"

#include <gmock/gmock.h>

#include <array>

namespace crashpath {
namespace {

Result<std::map<std::uint64_t, RegisteredAreas>> areas_of(const char* fields) {
  return registered_areas(
      DeviceState::from_json(
          boost::json::parse(
              std::string(
                  R"({"schema":1,"devices":[{"name":"spapr_cpu","instance":3,"version":1,"fields":)") +
              fields + "}]}"))
          .value());
}

TEST(RegisteredAreas, AreThoseThatTheHypervisorHas) {
  EXPECT_FALSE(areas_of("{}").value().at(3).vpa.has_value());
  const RegisteredAreas all =
      areas_of(R"({"spapr_cpu/vpa":{"vpa_addr":"0x3ffff400",)"
               R"("spapr_cpu/vpa/slb_shadow":{"slb_shadow_addr":"0x1000","slb_shadow_size":"0x80"},)"
               R"("spapr_cpu/vpa/dtl":{"dtl_addr":"0x5000","dtl_size":"0x1000"}}})")
          .value()
          .at(3);
  EXPECT_EQ(all.vpa, (Range{0x3ffff400, 0x3ffff800}));
  EXPECT_EQ(all.slb_shadow, (Range{0x1000, 0x1080}));
  EXPECT_EQ(all.dtl, (Range{0x5000, 0x6000}));
}

TEST(RegisteredAreas, OfARealGuestWithItsDispatchTraceLogOn) {
  const auto areas =
      registered_areas(
          DeviceState::read(CRASHPATH_TESTS_DIR "/corpus/device-state/pseries-6.1-dispatch-log.json").value())
          .value();
  EXPECT_EQ(areas.at(1).vpa, (Range{0x3fffec00, 0x3ffff000}));
  EXPECT_EQ(areas.at(1).dtl, (Range{0x240f000, 0x2410000}));
  EXPECT_FALSE(areas.at(1).slb_shadow) << "its MMU is radix";
}

TEST(RegisteredAreas, AnAddressThatIsMissingIsAnError) {
  EXPECT_FALSE(areas_of(R"({"spapr_cpu/vpa":{}})"));
  EXPECT_FALSE(
      areas_of(R"({"spapr_cpu/vpa":{"vpa_addr":"0x400","spapr_cpu/vpa/dtl":{"dtl_addr":"0x5000"}}})"));
}

TEST(Lppaca, IsReadAtTheOffsetsOfPapr) {
  std::array<std::byte, Lppaca::kSize> bytes{};
  const auto set = [&bytes](std::size_t at, std::initializer_list<int> values) {
    for (const int value : values) bytes.at(at++) = static_cast<std::byte>(value);
  };
  set(0x0, {0xd3, 0x97, 0xd7, 0x81, 0x04, 0x00});
  set(0x9, {0x02});
  set(0xb8, {0x07, 0x00, 0x01});
  set(0xfc, {0x00, 0x40});
  set(0x100, {0x00, 0x01, 0xf8, 0x5b});
  set(0x180, {0x00, 0x00, 0x00, 0x09});
  set(0x218, {0, 0, 0, 0, 0, 0, 1, 2});
  const Lppaca lppaca = Lppaca::parse(bytes).value();
  EXPECT_EQ(lppaca.fault(), "");
  EXPECT_EQ(lppaca.size, 0x400);
  EXPECT_EQ(lppaca.dtl_enable_mask, 7);
  EXPECT_EQ(lppaca.fpregs_in_use, 1);
  EXPECT_EQ(lppaca.slb_count, 64);
  EXPECT_EQ(lppaca.yield_count, 129115u);
  EXPECT_EQ(lppaca.page_ins, 9u);
  EXPECT_EQ(lppaca.dtl_idx, 258u);
  EXPECT_FALSE(Lppaca::parse(std::span(bytes).first(Lppaca::kSize - 1)));
}

}  // namespace
}  // namespace crashpath
