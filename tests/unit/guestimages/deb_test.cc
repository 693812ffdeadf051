#include "guestimages/fetch/deb.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "harness/base/file.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

struct Member {
  std::string path;
  std::string content;
  std::string link = {};       ///< symbolic link
  std::string hard_link = {};  ///< hard link
  unsigned type = AE_IFREG;
};

la_ssize_t append(archive*, void* bytes, const void* data, size_t size) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

std::string pack(archive* writer, const std::vector<Member>& members) {
  std::string bytes;
  archive_write_set_bytes_in_last_block(writer, 1);
  archive_write_open(writer, &bytes, nullptr, append, nullptr);
  for (const auto& member : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.path.c_str());
    archive_entry_set_mode(entry, (member.link.empty() ? member.type : AE_IFLNK) | 0755);
    archive_entry_set_size(entry, static_cast<la_int64_t>(member.content.size()));
    if (!member.link.empty()) archive_entry_set_symlink(entry, member.link.c_str());
    if (!member.hard_link.empty()) archive_entry_set_hardlink(entry, member.hard_link.c_str());
    archive_write_header(writer, entry);
    archive_write_data(writer, member.content.data(), member.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  return bytes;
}

std::string make_tar(const std::vector<Member>& members) {
  archive* writer = archive_write_new();
  archive_write_set_format_gnutar(writer);
  archive_write_add_filter_xz(writer);
  return pack(writer, members);
}

std::string make_deb(const std::string& data_tar) {
  archive* writer = archive_write_new();
  archive_write_set_format_ar_svr4(writer);
  return pack(writer, {{"debian-binary", "2.0\n"}, {"control.tar.xz", "x"}, {"data.tar.xz", data_tar}});
}

class DebTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(directory_ / "into")); }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  Result<> unpack(const std::vector<Member>& members) {
    EXPECT_TRUE(write_file(directory_ / "x.deb", make_deb(make_tar(members))));
    return unpack_deb(directory_ / "x.deb", directory_ / "into");
  }
  std::filesystem::path directory_ =
      std::filesystem::path(testing::TempDir()) / ("deb_test." + std::to_string(getpid()));
};

TEST_F(DebTest, FilesModesAndLinks) {
  ASSERT_TRUE(unpack({{"./usr/bin/tool", "program"},
                      {"./lib/libx.so.1.0", "library"},
                      {"./lib/libx.so.1", "", "libx.so.1.0"},
                      {"./lib/hard", "", "", "./lib/libx.so.1.0"}}));
  EXPECT_EQ(read_file(directory_ / "into/usr/bin/tool").value(), "program");
  EXPECT_EQ(read_file(directory_ / "into/lib/libx.so.1").value(), "library");
  EXPECT_EQ(read_file(directory_ / "into/lib/hard").value(), "library");
  EXPECT_EQ(std::filesystem::status(directory_ / "into/usr/bin/tool").permissions() &
                std::filesystem::perms::owner_exec,
            std::filesystem::perms::owner_exec);
}

TEST_F(DebTest, TheWayToTheCacheMayHaveLinks) {
  std::filesystem::create_directory_symlink(directory_ / "into", directory_ / "cache");
  ASSERT_TRUE(write_file(directory_ / "x.deb", make_deb(make_tar({{"./a", "a"}}))));
  ASSERT_TRUE(unpack_deb(directory_ / "x.deb", directory_ / "cache"));
  EXPECT_EQ(read_file(directory_ / "into/a").value(), "a");
}

TEST_F(DebTest, NothingIsWrittenOutside) {
  const std::string target = (directory_ / "outside").native();
  const std::vector<std::vector<Member>> evil = {
      {{target, "x"}},
      {{"../outside", "x"}},
      {{"./a/../../outside", "x"}},
      {{"./way", "", ".."}, {"./way/outside", "x"}},
      {{"./way", "", directory_.native()}, {"./way/outside", "x"}},
      {{"./hard", "", "", "../x.deb"}},
  };
  for (const auto& members : evil) {
    EXPECT_FALSE(unpack(members)) << members.front().path;
    EXPECT_FALSE(std::filesystem::exists(target)) << members.front().path;
    EXPECT_FALSE(std::filesystem::exists(directory_ / "into/hard"));
    std::filesystem::remove_all(directory_ / "into");
    std::filesystem::create_directory(directory_ / "into");
  }
}

TEST_F(DebTest, DeviceFilesAreLeftOut) {
  ASSERT_TRUE(unpack({{.path = "./dev/mem", .content = "", .type = AE_IFCHR}, {"./a", "a"}}));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "into/dev/mem"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "into/a"));
}

TEST_F(DebTest, ATruncatedPackageIsAHostErrorThatNamesIt) {
  const std::string deb = make_deb(make_tar({{"./a", std::string(100000, 'a')}}));
  for (const size_t size : {size_t{0}, size_t{20}, size_t{150}, deb.size() - 40}) {
    ASSERT_TRUE(write_file(directory_ / "x.deb", deb.substr(0, size)));
    const auto result = unpack_deb(directory_ / "x.deb", directory_ / "into");
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().fault(), Fault::host);
    EXPECT_THAT(result.error().message(), HasSubstr("x.deb")) << size;
  }
}

}  // namespace
}  // namespace crashpath
