// Fetching, resolving and assembling against a mirror in a directory (tests/corpus/guestimages), through the
// real apt.

#include "guestimages/fetch/archive.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "guestimages/image.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

const fs::path corpus = fs::path(CRASHPATH_TESTS_DIR) / "corpus" / "guestimages";

/// The catalog with the mirror's suite alone.
Catalog fixture_catalog() {
  Catalog catalog = load_catalog().value();
  catalog.suites = {{.name = "fixture", .release = "fixture", .compiler = "gcc-12"}};
  catalog.userland.release = "fixture";
  return catalog;
}

class ArchiveTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(directory_)); }
  void TearDown() override { fs::remove_all(directory_); }

  ArchiveOptions options(const std::string& mirror = "file://" + (corpus / "mirror").native()) {
    return {.cache = directory_ / "cache",
            .mirror = mirror,
            .keyring = corpus / "mirror-key.gpg",
            .patience = 1s,
            .say = [this](std::string_view line) { said_ += std::string(line) + "\n"; }};
  }
  /// An apt root without anything of the host's configuration.
  AptRoot apt_root(const fs::path& keyring = corpus / "mirror-key.gpg") {
    return AptRoot::open({.directory = directory_ / "apt",
                          .architecture = "arm64",
                          .mirror = {.uri = "file://" + (corpus / "mirror").native(), .settings = {}},
                          .keyring = keyring,
                          .timeout = 1s})
        .value();
  }
  static KernelSpec spec(const char* text) { return parse_kernel_specs(text).value().front(); }
  Result<KernelPackages> resolve(const char* text) {
    Archive archive = Archive::open(catalog_, "arm64", options()).value();
    return resolve_kernel(archive, spec(text));
  }

  const Architecture& arm64_ = *find_architecture("arm64");
  Catalog catalog_ = fixture_catalog();
  fs::path directory_ = fs::path(testing::TempDir()) / ("archive test." + std::to_string(getpid()));
  std::string said_;
};

std::vector<std::string> names(const std::vector<Package>& packages) {
  std::vector<std::string> names;
  for (const auto& package : packages) names.push_back(package.name);
  return names;
}

TEST_F(ArchiveTest, TheNewestKernelOfASeriesThatIsWhole) {
  // Not 6.12.10, whose modules are missing, nor 6.12.1, which sorts after 6.12.10 but is older than 6.12.9.
  const KernelPackages kernel = resolve("6.12").value();
  EXPECT_EQ(kernel.release, "6.12.9+deb12-arm64");
  EXPECT_EQ(kernel.flavour, "arm64");
  EXPECT_EQ(kernel.suite->name, "fixture");
  EXPECT_THAT(names(kernel.packages), ElementsAre("linux-image-6.12.9+deb12-arm64"));
  EXPECT_EQ(kernel.packages.front().sha256.size(), 64U);
}

TEST_F(ArchiveTest, FlavoursAndPackages) {
  EXPECT_EQ(resolve("6.12-rt").value().release, "6.12.9+deb12-rt-arm64");
  EXPECT_EQ(resolve("linux-image-6.12.1+deb12-arm64=6.12.1-1").value().release, "6.12.1+deb12-arm64");
}

TEST_F(ArchiveTest, AKernelInSeveralPackages) {
  EXPECT_THAT(names(resolve("7.x").value().packages),
              ElementsAre("linux-image-7.2.1+deb12-arm64", "linux-base-7.2.1+deb12-arm64",
                          "linux-binary-7.2.1+deb12-arm64", "linux-modules-7.2.1+deb12-arm64"));
}

TEST_F(ArchiveTest, HeadersWithoutTheKernelAndTheBuildToolsThatTheyName) {
  Archive archive = Archive::open(catalog_, "arm64", options()).value();
  const auto headers = header_packages(archive, resolve_kernel(archive, spec("6.12")).value()).value();
  EXPECT_THAT(names(headers),
              ElementsAre("linux-headers-6.12.9+deb12-arm64", "linux-headers-6.12.9+deb12-common"));
  EXPECT_EQ(kbuild_package(archive, headers.front()).value(), "linux-kbuild-6.12");
  const auto none = header_packages(archive, resolve_kernel(archive, spec("7.2")).value());
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("fixture has no linux-headers-7.2.1+deb12-arm64"));
}

TEST_F(ArchiveTest, ASuiteThatCannotBeReadIsLeftOutAndSaid) {
  catalog_.suites.insert(catalog_.suites.begin(),
                         {.name = "nowhere", .release = "fixture", .compiler = "gcc-12"});
  EXPECT_EQ(resolve("6.12").value().suite->name, "fixture");
  EXPECT_THAT(said_, HasSubstr("leaving out nowhere: cannot get package lists of nowhere (arm64) from "));
  const auto missing = resolve("5.10");
  ASSERT_FALSE(missing);
  // The suite that could not be asked may have it.
  EXPECT_EQ(missing.error().fault(), Fault::host);
  EXPECT_THAT(missing.error().message(), HasSubstr("nowhere could not be read"));
}

TEST_F(ArchiveTest, WhatIsNotThereIsTheUsersMistakeAndSaysWhereItLooked) {
  const auto series = resolve("5.10");
  ASSERT_FALSE(series);
  EXPECT_EQ(series.error().fault(), Fault::usage);
  EXPECT_THAT(series.error().message(), HasSubstr("no such kernel for arm64 in fixture"));
  const auto flavour = resolve("6.12-64k");
  ASSERT_FALSE(flavour);
  EXPECT_EQ(flavour.error().fault(), Fault::usage);
  EXPECT_THAT(flavour.error().hint(), HasSubstr("16k (arm64-16k)"));
  const auto package = resolve("linux-image-6.12.2+deb12-arm64");
  ASSERT_FALSE(package);
  EXPECT_EQ(package.error().fault(), Fault::usage);
}

TEST_F(ArchiveTest, AKernelThatIsNotWholeIsTheMirrorsFault) {
  const auto kernel = resolve("linux-image-6.12.10+deb12-arm64");
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().fault(), Fault::host);
  EXPECT_THAT(kernel.error().message(), HasSubstr("linux-modules-6.12.10+deb12-arm64, which is not there"));
}

TEST_F(ArchiveTest, EveryKernelOfTheSuiteIsListedOnce) {
  std::vector<std::string> offers;
  for (const auto& offer : list_kernels(arm64_, catalog_, options()).value())
    offers.push_back(offer.series + "-" + offer.flavour + " " + offer.version);
  EXPECT_THAT(offers, testing::UnorderedElementsAre("6.12- 6.12.10-1", "6.12-rt 6.12.9-1", "7.2- 7.2.1-1"));
}

TEST_F(ArchiveTest, AnAnswerIsGoodForADayAndOnlyForItsQuestion) {
  const auto fetch = [&](const ArchiveOptions& how) {
    return fetch_kernel(spec("6.12"), arm64_, catalog_, how).value();
  };
  const GuestKernel first = fetch(options());
  const auto answers = directory_ / "cache/answers";
  const fs::path answer = fs::directory_iterator(answers)->path();
  const auto asked = [&] {
    return !std::exchange(said_, "").empty() || fs::exists(directory_ / "cache/apt");
  };
  const auto forget_apt = [&] {
    fs::remove_all(directory_ / "cache/apt");
    said_.clear();
  };
  forget_apt();
  EXPECT_EQ(fetch(options()).image, first.image);
  EXPECT_FALSE(asked());
  fs::last_write_time(answer, fs::file_time_type::clock::now() - 25h);
  fetch(options());
  EXPECT_TRUE(asked());
  forget_apt();
  fetch(options("copy://" + (corpus / "mirror").native()));
  EXPECT_TRUE(asked());
  forget_apt();
  auto update = options();
  update.update = true;
  fetch(update);
  EXPECT_TRUE(asked());
  forget_apt();
  ASSERT_TRUE(write_file(answer, "{half"));
  fetch(options());
  EXPECT_TRUE(asked());
}

class GuestImageTest : public ArchiveTest {
 protected:
  void SetUp() override {
    ArchiveTest::SetUp();
    ASSERT_TRUE(write_file(directory_ / "agent", "agent"));
    ASSERT_TRUE(write_file(directory_ / "probe.ko", "probe"));
  }
  Result<GuestImage> make(const char* text) {
    const ImageOptions image{.archive = options(),
                             .agent = directory_ / "agent",
                             .probes = {{"crash_context", directory_ / "probe.ko"}}};
    return make_guest_image(CP_TRY(fetch_kernel(spec(text), arm64_, catalog_, image.archive)), catalog_,
                            image);
  }
};

TEST_F(GuestImageTest, BothPackageLayouts) {
  for (const char* text : {"6.12", "7.2"}) {
    const GuestImage image = make(text).value();
    EXPECT_THAT(read_file(image.kernel).value(), HasSubstr("Linux version " + image.kernel_release));
    EXPECT_EQ(read_file(image.config).value(), "CONFIG_KEXEC=y\n");
    EXPECT_EQ(image.kernel_spec, text);
    EXPECT_THAT(image.kernel_package, testing::StartsWith("linux-image-"));
    EXPECT_THAT(image.probes, ElementsAre("crash_context"));
    const std::string initramfs = read_file(image.initramfs).value();
    EXPECT_THAT(initramfs, HasSubstr("lib/modules/" + image.kernel_release + "/crashpath/crash_context.ko"));
    EXPECT_THAT(initramfs, HasSubstr("usr/bin/makedumpfile"));
  }
}

TEST_F(GuestImageTest, OnlyTheBrokenOnesCaptureInitramfsLacksInit) {
  const GuestImage image = make("6.12").value();
  const auto count_agents = [](const std::string& bytes) {
    size_t count = 0;
    for (size_t at = bytes.find("init\0", 0, 5); at != bytes.npos; at = bytes.find("init\0", at + 1, 5))
      ++count;
    return count;
  };
  EXPECT_EQ(count_agents(read_file(image.initramfs).value()), 2U);
  EXPECT_EQ(count_agents(read_file(image.initramfs_broken).value()), 1U);
}

TEST_F(GuestImageTest, TheSecondTimeItComesFromTheCache) {
  const GuestImage first = make("6.12").value();
  EXPECT_THAT(said_, HasSubstr("fetching"));
  said_.clear();
  // Not even apt is asked: its root could be gone.
  fs::remove_all(directory_ / "cache/apt");
  const GuestImage second = make("6.12").value();
  EXPECT_EQ(said_, "");
  EXPECT_FALSE(fs::exists(directory_ / "cache/apt"));
  EXPECT_EQ(first.initramfs, second.initramfs);
  EXPECT_EQ(first.provenance, second.provenance);
  ASSERT_EQ(show_images(directory_ / "cache").value().size(), 1U);
  EXPECT_EQ(show_images(directory_ / "cache").value().front().kernel_release, "6.12.9+deb12-arm64");

  ASSERT_TRUE(write_file(directory_ / "agent", "another agent"));
  EXPECT_NE(make("6.12").value().initramfs, first.initramfs);
}

TEST_F(GuestImageTest, ProvenanceNamesPackagesWithoutThoseThatOnlyConfigure) {
  const auto provenance = make("6.12").value().provenance;
  std::vector<std::string> packages;
  for (const auto& package : provenance.at("packages").as_array())
    packages.emplace_back(package.at("name").as_string());
  EXPECT_THAT(packages, ElementsAre("linux-image-6.12.9+deb12-arm64", "busybox-static", "kexec-tools",
                                    "makedumpfile", "libfirst1", "libsecond1"));
  for (const char* name :
       {"agent", "kernel", "config", "initramfs", "initramfs-broken", "probe crash_context"})
    EXPECT_EQ(provenance.at("sha256").at(name).as_string().size(), 64U) << name;
}

TEST_F(GuestImageTest, AFullDiskLeavesNothingHalfMade) {
  ASSERT_TRUE(make("7.2"));  // packages are there
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{2000, before.rlim_max};
  const ImageOptions image{.archive = options(), .agent = directory_ / "agent", .probes = {}};
  const GuestKernel kernel = fetch_kernel(spec("7.2"), arm64_, catalog_, image.archive).value();
  setrlimit(RLIMIT_FSIZE, &small);
  const auto result = make_guest_image(kernel, catalog_, image);
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault(), Fault::host);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_ / "cache/images"), {}), 1);
}

TEST_F(ArchiveTest, ACacheThatCannotBeWrittenIsNamed) {
  ASSERT_TRUE(write_file(directory_ / "cache", "a file where the directory belongs"));
  const auto archive = Archive::open(catalog_, "arm64", options());
  ASSERT_FALSE(archive);
  EXPECT_EQ(archive.error().fault(), Fault::host);
  EXPECT_THAT(archive.error().message(), HasSubstr((directory_ / "cache").native()));
}

/// A port of this machine that accepts connections and never says anything.
class SilentServer {
 public:
  SilentServer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    (void)::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(fd_.get(), 16);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  std::string uri() const { return "http://127.0.0.1:" + std::to_string(port_) + "/debian"; }
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_;
  int port_ = 0;
};

class SilentMirrorTest : public ArchiveTest {
 protected:
  void expect_clear_error_from(const SilentServer& server) {
    const auto begin = std::chrono::steady_clock::now();
    Archive archive = Archive::open(catalog_, "arm64", options(server.uri())).value();
    const auto kernel = resolve_kernel(archive, spec("6.12"));
    // Twice a second of patience; the rest is for a machine that has much else to do.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 45s);
    ASSERT_FALSE(kernel);
    EXPECT_EQ(kernel.error().fault(), Fault::host);
    EXPECT_THAT(kernel.error().message(), HasSubstr(server.uri() + ": the mirror does not answer"));
    EXPECT_THAT(kernel.error().hint(), HasSubstr("CRASHPATH_MIRROR"));
  }
  SilentServer server_;
};

TEST_F(SilentMirrorTest, AMirrorThatDoesNotAnswerIsSaidInSeconds) {
  expect_clear_error_from(server_);
}

TEST_F(SilentMirrorTest, AndOneThatRefuses) {
  server_.close();
  expect_clear_error_from(server_);
}

TEST_F(ArchiveTest, OlderListsServeWhenTheMirrorDoesNotAnswer) {
  const fs::path mirror = directory_ / "mirror";
  fs::copy(corpus / "mirror", mirror, fs::copy_options::recursive);
  auto at_mirror = options("copy://" + mirror.native());  // of a file: mirror apt keeps no lists of its own
  { ASSERT_TRUE(Archive::open(catalog_, "arm64", at_mirror).value().need(catalog_.suites.front())); }
  fs::remove_all(mirror);
  at_mirror.update = true;
  Archive archive = Archive::open(catalog_, "arm64", at_mirror).value();
  EXPECT_EQ(resolve_kernel(archive, spec("6.12")).value().release, "6.12.9+deb12-arm64");
  EXPECT_THAT(said_, HasSubstr("using older package lists of fixture"));
  const auto package = archive.files(resolve_kernel(archive, spec("6.12")).value().packages);
  ASSERT_FALSE(package);
  EXPECT_THAT(package.error().message(), HasSubstr("linux-image-6.12.9+deb12-arm64 6.12.9-1"));
}

TEST_F(ArchiveTest, ListsAreFetchedOnceADay) {
  AptRoot apt = apt_root();
  const fs::path updated = directory_ / "apt/suites/fixture.list.updated";
  EXPECT_FALSE(apt.has_lists("fixture"));
  ASSERT_TRUE(apt.update("fixture", false));
  const auto stamp = fs::file_time_type::clock::now() - 23h;
  fs::last_write_time(updated, stamp);
  ASSERT_TRUE(apt.update("fixture", false));
  EXPECT_EQ(fs::last_write_time(updated), stamp);
  fs::last_write_time(updated, stamp - 2h);
  ASSERT_TRUE(apt.update("fixture", false));
  EXPECT_GT(fs::last_write_time(updated), stamp);
}

TEST_F(ArchiveTest, SignaturesAndDatesAreChecked) {
  AptRoot apt = apt_root();
  const auto unsigned_lists = apt.update("unsigned", false);
  ASSERT_FALSE(unsigned_lists);
  EXPECT_THAT(unsigned_lists.error().message(), HasSubstr("it is not signed"));
  const auto expired = apt.update("expired", false);
  ASSERT_FALSE(expired);
  EXPECT_THAT(expired.error().message(), HasSubstr("older than they say they may be"));
  EXPECT_THAT(expired.error().hint(), HasSubstr("Check-Valid-Until"));
  const auto missing = apt.update("nowhere", false);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("the mirror does not have it"));
}

TEST_F(ArchiveTest, AKeyThatIsNotInTheKeyringIsRefused) {
  const auto debian = archive_keyring();
  if (!debian) GTEST_SKIP() << debian.error().message();
  AptRoot apt = apt_root(*debian);
  const auto updated = apt.update("fixture", false);
  ASSERT_FALSE(updated);
  EXPECT_THAT(updated.error().message(), HasSubstr("signed by a key that is not in"));
}

TEST_F(ArchiveTest, ThePrivateRootReadsNothingOfTheMachines) {
  const AptRoot apt = apt_root();
  const std::string dump =
      command_output({.argv = {"apt-config", "dump"},
                      .environment = {{"APT_CONFIG", (directory_ / "apt/apt.conf").native()}}})
          .value();
  EXPECT_THAT(dump, HasSubstr("APT::Architecture \"arm64\""));
  EXPECT_THAT(dump, Not(HasSubstr("AllowInsecureRepositories \"1\"")));
  EXPECT_THAT(dump, Not(HasSubstr("Post-Invoke")));
}

TEST(PackageTest, ShownPackagesAreReadStanzaByStanza) {
  const auto packages = parse_packages(
      "Package: kexec-tools\nVersion: 1:2.0.25-3\nArchitecture: arm64\nSection: admin\nSize: 82308\n"
      "Description: tools\n Version: of a description is none\nSHA256: abc\n\nPackage: broken\n\n",
      "bookworm");
  ASSERT_EQ(packages.size(), 1U);
  EXPECT_EQ(packages[0].version, "1:2.0.25-3");
  EXPECT_EQ(packages[0].size, 82308U);
  EXPECT_EQ(packages[0].sha256, "abc");
  EXPECT_EQ(packages[0].suite, "bookworm");
  EXPECT_EQ(packages[0].file_name(), "kexec-tools_1%3a2.0.25-3_arm64.deb");
}

}  // namespace
}  // namespace crashpath
