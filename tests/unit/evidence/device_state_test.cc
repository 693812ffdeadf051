#include "harness/evidence/device_state.h"

#include <gmock/gmock.h>

#include "harness/base/file.h"
#include "harness/base/scratch_directory.h"
#include "harness/evidence/migration_stream.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

namespace fs = std::filesystem;

/// A recorded one: tests/corpus/device-state/README.md says what is known of each.
DeviceState recorded(const std::string& name) {
  const std::string stream = read_compressed("device-state/" + name + ".stream.zst");
  return DeviceState::from_json(decode_migration_stream(stream).value()).value();
}

std::vector<std::uint64_t> vpas(const DeviceState& state) {
  std::vector<std::uint64_t> addresses;
  for (const auto& [cpu, fields] : state.devices("spapr_cpu").value())
    addresses.push_back(fields.at("spapr_cpu/vpa").number("vpa_addr").value());
  return addresses;
}

TEST(DeviceState, OfARealGicHasTheTablesThatTheKernelSays) {
  // Physical_Address of GICR_PENDBASER, GICR_PROPBASER and GITS_BASER; GICR_CTLR.EnableLPIs
  constexpr std::uint64_t address = 0x0000'ffff'ffff'0000;
  for (const std::string name : {"arm64-6.12", "arm64-6.12-crashed"}) {
    const DeviceState state = recorded(name);
    const auto cpus = state.device("arm_gicv3").at("cpu").elements().value();
    ASSERT_EQ(cpus.size(), 4U);
    for (std::size_t i = 0; i < cpus.size(); ++i) {
      EXPECT_EQ(cpus[i].number("gicr_pendbaser").value() & address, 0x40210000 + i * 0x10000) << name;
      EXPECT_EQ(cpus[i].number("gicr_propbaser").value() & address, 0x40200000U) << name;
      EXPECT_EQ(cpus[i].number("gicr_ctlr").value() & 1, 1U) << name;
    }
  }
  const DeviceState state = recorded("arm64-6.12");
  const DeviceField its = state.device("arm_gicv3_its");
  EXPECT_EQ(its.at("baser")[0].number().value() & address, 0x401e0000U);
  EXPECT_EQ(its.at("baser")[1].number().value() & address, 0x401f0000U);
}

TEST(DeviceState, OfRealVcpusHasTheirVpas) {
  EXPECT_THAT(vpas(recorded("pseries-6.12-xive")),
              testing::ElementsAre(0x28a0800, 0x3ffff400, 0x3fffe800, 0x3fffdc00));
  // CPU 2 crashed, so that the second kernel runs there; the others' are still the first kernel's.
  EXPECT_THAT(vpas(recorded("pseries-6.12-xive-crashed")),
              testing::ElementsAre(0x28a0800, 0x3ffff400, 0x8800, 0x3fffdc00));
  for (const std::uint64_t address : vpas(recorded("pseries-6.12-xics"))) EXPECT_EQ(address % 0x400, 0U);
  const DeviceState state = recorded("pseries-6.12-xive");
  EXPECT_TRUE(state.device("spapr_cpu", 1).has("spapr_cpu/vpa").value());
  EXPECT_FALSE(state.device("spapr_cpu", 1).has("spapr_cpu/dtl").value());
  EXPECT_FALSE(state.device("spapr_cpu", 4).has("spapr_cpu/vpa"));
  EXPECT_FALSE(state.device("spapr_cpu", 1).at("spapr_cpu/vpa").at("vpa_addr").has("x"));
}

TEST(DeviceState, OfARealInterruptController) {
  const DeviceState state = recorded("pseries-6.12-xics");
  const auto servers = state.devices("icp/server").value();
  EXPECT_THAT(servers, testing::SizeIs(4));
  EXPECT_EQ(servers.at(0).number("xirr").value(), 0xff000000U);
  EXPECT_EQ(servers.at(2).number("xirr").value(), 0xff000002U);  // an IPI was on its way
  const auto sources = state.device("ics").at("irqs").elements().value();
  EXPECT_EQ(sources.size(), state.device("ics").number("nr_irqs").value());
  EXPECT_EQ(sources.back().number("saved_priority").value(), 0xffU);
  EXPECT_EQ(recorded("pseries-6.12-xive").device("spapr-xive").at("eat").elements().value().size(), 8192U);
}

TEST(DeviceState, SaysWhatIsMissing) {
  const DeviceState state = recorded("arm64-6.12");
  const DeviceField gic = state.device("arm_gicv3");
  const auto missing = [](const DeviceField& field) { return field.number().error().message(); };
  EXPECT_EQ(missing(gic.at("cpu")[4].at("gicr_ctlr")), "the hypervisor has no arm_gicv3.cpu[4]");
  EXPECT_EQ(missing(gic.at("cpu")[3].at("gicr_vpendbaser").at("x")[1]),
            "the hypervisor has no arm_gicv3.cpu[3].gicr_vpendbaser");
  EXPECT_EQ(missing(gic.at("cpu").at("gicr_ctlr")), "the hypervisor has no arm_gicv3.cpu.gicr_ctlr");
  EXPECT_EQ(missing(gic.at("cpu")), "the hypervisor's arm_gicv3.cpu is no number");
  EXPECT_EQ(missing(state.device("cpu", 4).at("x")), "the hypervisor has no cpu#4");
  EXPECT_EQ(missing(state.device("globalstate").at("runstate")),
            "the hypervisor's globalstate.runstate is no number");
  EXPECT_EQ(gic.at("cpus").elements().error().message(), "the hypervisor has no arm_gicv3.cpus");
  EXPECT_FALSE(state.devices("spapr_cpu"));
}

TEST(DeviceState, IsReadAsItWasWritten) {
  const auto decoded =
      decode_migration_stream(read_compressed("device-state/pseries-6.12-xive-crashed.stream.zst"));
  const auto scratch = ScratchDirectory::make(fs::temp_directory_path());
  const fs::path file = scratch.value().path() / "device-state.json";
  ASSERT_TRUE(write_file(file, boost::json::serialize(decoded.value())));
  EXPECT_EQ(vpas(DeviceState::read(file).value()), vpas(recorded("pseries-6.12-xive-crashed")));

  ASSERT_TRUE(write_file(file, R"({"schema": 1, "devices": [)"));
  EXPECT_FALSE(DeviceState::read(file));
  EXPECT_FALSE(DeviceState::read(scratch.value().path() / "none.json"));
}

Result<DeviceState> parsed(std::string_view text) {
  return DeviceState::from_json(boost::json::parse(text));
}

TEST(DeviceState, OneElementIsDescribedWithoutItsArray) {
  const DeviceState state = parsed(R"({"schema": 1, "devices": [{"name": "gic", "instance": 0, "version": 1,
      "fields": {"cpu": {"ctlr": 3}, "none": [], "null": null, "wide": "0xffffffffffffffff", "odd": ["0x", "0xg", "1", -1]}}]})")
                                .value();
  const DeviceField gic = state.device("gic");
  EXPECT_EQ(gic.at("cpu")[0].number("ctlr").value(), 3U);
  EXPECT_FALSE(gic.at("cpu")[1].number("ctlr"));
  EXPECT_EQ(gic.at("cpu").elements().value().size(), 1U);
  EXPECT_FALSE(gic.has("null").value());
  EXPECT_EQ(gic.at("none").elements().error().message(), "the hypervisor has no gic.none[0]");
  EXPECT_EQ(gic.number("wide").value(), UINT64_MAX);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_FALSE(gic.at("odd")[i].number()) << i;
}

TEST(DeviceState, RefusesOtherFiles) {
  EXPECT_TRUE(parsed(R"({"schema": 1, "devices": []})"));
  EXPECT_FALSE(parsed(R"({"schema": 2, "devices": []})"));
  EXPECT_FALSE(parsed(R"({"schema": 1})"));
  EXPECT_FALSE(parsed(R"([])"));
  EXPECT_FALSE(parsed(R"({"schema": 1, "devices": [1]})"));
  EXPECT_FALSE(parsed(R"({"schema": 1, "devices": [{"name": "a", "instance": -1, "fields": {}}]})"));
  EXPECT_FALSE(parsed(R"({"schema": 1, "devices": [{"name": "a", "instance": 0}]})"));
}

}  // namespace
}  // namespace crashpath
