#include "guestimages/fetch/mirror.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;

// As apt 2.6 prints them on a Debian 12 machine with a third-party source; the host names are made up.
constexpr std::string_view targets =
    "Docker\tDocker CE\tbookworm\tmain\thttps://third.example/linux/debian\n"
    "Debian\tDebian-Security\tbookworm-security\tmain\thttp://mirror.example/debian-security\n"
    "Debian\tDebian\tbookworm-updates\tmain\thttp://updates.example/debian\n"
    "Debian\tDebian\tbookworm\tcontrib\thttp://contrib.example/debian\n"
    "Debian\tDebian\tbookworm\tmain\thttp://mirror.example/debian\n";

TEST(MirrorTest, TheMainArchiveOfTheHostsRelease) {
  EXPECT_EQ(pick_mirror(targets, "bookworm"), "http://mirror.example/debian");
}

TEST(MirrorTest, AnotherSuiteOfTheMainArchiveServesToo) {
  EXPECT_EQ(pick_mirror(targets, "trixie"), "http://updates.example/debian");
}

TEST(MirrorTest, NeitherThirdPartiesNorSecurityNorDiscsAreAMirror) {
  EXPECT_EQ(
      pick_mirror("Docker\tDocker CE\tbookworm\tmain\thttps://third.example/debian\n"
                  "Debian\tDebian-Security\tbookworm-security\tmain\thttp://mirror.example/debian-security\n"
                  "Debian\tDebian\tbookworm\tmain\tcdrom:[Debian GNU/Linux 12]\n",
                  "bookworm"),
      "");
  EXPECT_EQ(pick_mirror("", "bookworm"), "");
}

// `apt-get update --print-uris` with empty lists: whose archive a source is cannot be seen.
TEST(MirrorTest, BeforeTheFirstUpdateTheSuiteTells) {
  const Catalog catalog = load_catalog().value();
  EXPECT_EQ(
      guess_mirror(
          "'http://mirror.example/debian/dists/bookworm/InRelease' mirror.example_debian_InRelease 0 \n"
          "'http://third.example/dists/nodistro/main/binary-amd64/Packages.xz' third.example_Packages 0 \n"
          "'http://mirror.example/debian-security/dists/bookworm-security/main/binary-amd64/Packages.xz' x 0 "
          "\n"
          "'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror.example_x 0 \n",
          catalog),
      "http://mirror.example/debian");
  EXPECT_EQ(guess_mirror("", catalog), "");
}

TEST(MirrorTest, OnlyTheWayToTheMirrorAndItsAgeAreTakenFromTheHost) {
  EXPECT_THAT(
      mirror_settings("APT::Architecture \"amd64\";\n"
                      "Acquire::AllowInsecureRepositories \"true\";\n"
                      "Acquire::http::Proxy \"http://proxy.example:3128\";\n"
                      "Acquire::http::Proxy::mirror.example \"DIRECT\";\n"
                      "Acquire::http::Pipeline-Depth \"0\";\n"
                      "Acquire::https::CAInfo \"/etc/ssl/own.pem\";\n"
                      "Acquire::https::Verify-Peer \"false\";\n"
                      "Acquire::Check-Valid-Until \"false\";\n"
                      "DPkg::Post-Invoke:: \"rm -f x\";\n"),
      ElementsAre("Acquire::http::Proxy \"http://proxy.example:3128\";",
                  "Acquire::http::Proxy::mirror.example \"DIRECT\";",
                  "Acquire::https::CAInfo \"/etc/ssl/own.pem\";", "Acquire::Check-Valid-Until \"false\";"));
}

}  // namespace
}  // namespace crashpath
