#include "harness/machine/libvirt/domain_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <pugixml.hpp>

#include "harness/base/file.h"

namespace crashpath::libvirt {
namespace {

MachineConfig domain_config(std::string_view architecture) {
  MachineConfig config;
  config.architecture = find_architecture(architecture);
  config.append = "console=x panic=-1 a=\"<&>\"";
  return config;
}

DomainPlace domain_place() {
  DomainPlace place;
  place.name = "crashpath-test";
  place.owner = "1.2.3.4";
  place.emulator = "/usr/bin/qemu";
  place.kernel = "/there/kernel";
  place.initramfs = "/there/initramfs";
  place.capture_disk = "/there/disk";
  place.agent_socket = "/there/agent";
  place.console_log = "/there/console";
  return place;
}

/// CRASHPATH_UPDATE_GOLDEN=1 writes it anew: then read the difference.
void expect_golden_domain(const std::string& name, const MachineConfig& config, const DomainPlace& place) {
  const std::string file = std::string(CRASHPATH_TESTS_DIR) + "/golden/" + name;
  const std::string text = domain_xml(config, place);
  if (std::getenv("CRASHPATH_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(write_file(file, text));
  }
  EXPECT_EQ(text, read_file(file).value());
}

pugi::xml_document parsed(const MachineConfig& config, const DomainPlace& place = domain_place()) {
  pugi::xml_document document;
  EXPECT_TRUE(document.load_string(domain_xml(config, place).c_str()));
  return document;
}

/// What stands behind this option among QEMU's own words.
std::string qemu_word(const pugi::xml_document& document, std::string_view option) {
  bool next = false;
  for (const auto& argument : document.child("domain").child("qemu:commandline").children()) {
    const std::string value = argument.attribute("value").value();
    if (next) return value;
    next = value == option;
  }
  return "";
}

TEST(DomainXml, Arm64) {
  DomainPlace place = domain_place();
  place.firmware = "/there/firmware";
  expect_golden_domain("libvirt-arm64.xml", domain_config("arm64"), place);
}

TEST(DomainXml, Pseries) {
  expect_golden_domain("libvirt-pseries.xml", domain_config("pseries"), domain_place());
}

TEST(DomainXml, WhatAGuestIsGivenIsTextAndNoMarkup) {
  const auto document = parsed(domain_config("arm64"));
  EXPECT_STREQ(document.child("domain").child("os").child("cmdline").text().get(),
               "console=x panic=-1 a=\"<&>\"");
}

TEST(DomainXml, WithKvmTheCpuAndTheGicAreTheHosts) {
  DomainPlace place = domain_place();
  place.accelerator = Accelerator::kvm;
  const auto document = parsed(domain_config("arm64"), place);
  const auto domain = document.child("domain");
  EXPECT_STREQ(domain.attribute("type").value(), "kvm");
  EXPECT_STREQ(domain.child("cpu").attribute("mode").value(), "host-passthrough");
  EXPECT_TRUE(domain.child("features").child("gic").attribute("version").empty());
  EXPECT_EQ(qemu_word(document, "-cpu"), "");
}

TEST(DomainXml, WithKvmPseriesKeepsItsMitigations) {
  DomainPlace place = domain_place();
  place.accelerator = Accelerator::kvm;
  EXPECT_FALSE(parsed(domain_config("pseries"), place).child("domain").child("features").child("cfpc"));
}

TEST(DomainXml, InterruptControllersAsTheScenarioWantsThem) {
  MachineConfig config = domain_config("arm64");
  config.gic_version = "2";
  EXPECT_EQ(qemu_word(parsed(config), "-machine"), "acpi=on");
  config.gic_version = "3";
  config.its = config.acpi = false;
  EXPECT_EQ(qemu_word(parsed(config), "-machine"), "acpi=off,its=off");
  MachineConfig xics = domain_config("pseries");
  xics.ic_mode = "xics";
  EXPECT_EQ(qemu_word(parsed(xics), "-machine"), "ic-mode=xics");
}

TEST(DomainXml, TraceEventsAndCpuModelAreQemusWords) {
  MachineConfig config = domain_config("arm64");
  config.cpu_model = "max,pauth-impdef=on";
  config.trace_events = {"gicv3_redist_write"};
  const auto document = parsed(config);
  EXPECT_EQ(qemu_word(document, "-cpu"), "max,pauth-impdef=on");
  EXPECT_EQ(qemu_word(document, "-trace"), "enable=gicv3_redist_write");
}

TEST(DomainXml, TheOwnerIsInTheMetadata) {
  const auto document = parsed(domain_config("pseries"));
  const auto ours = document.child("domain").child("metadata").child("crashpath:guest");
  EXPECT_EQ(ours.attribute("xmlns:crashpath").value(), kMetadataNamespace);
  EXPECT_STREQ(ours.attribute("owner").value(), "1.2.3.4");
}

}  // namespace
}  // namespace crashpath::libvirt
