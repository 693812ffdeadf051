#include "guestimages/agent/port.h"

#include <gmock/gmock.h>
#include <unistd.h>

namespace crashpath {
namespace {

TEST(FindPort, GoesByNameAndToleratesPortsWithout) {
  const auto directory =
      std::filesystem::path(testing::TempDir()) / ("port_test." + std::to_string(getpid()));
  for (const char* port : {"vport0p0", "vport0p1", "vport1p1"})
    ASSERT_TRUE(make_directories(directory / port));
  ASSERT_TRUE(write_file(directory / "vport0p1" / "name", "org.qemu.guest_agent.0\n"));
  EXPECT_EQ(find_port(directory, "crashpath.agent"), std::nullopt);
  ASSERT_TRUE(write_file(directory / "vport1p1" / "name", "crashpath.agent\n"));
  EXPECT_EQ(find_port(directory, "crashpath.agent"), "/dev/vport1p1");
  EXPECT_EQ(find_port(directory / "nowhere", "crashpath.agent"), std::nullopt);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace crashpath
