#include "guestimages/initramfs/cpio.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;

/// "PATH MODE INODE LINKS MTIME UID CONTENT" of each member, as an independent reader of cpio sees it.
std::vector<std::string> members_of(const std::string& bytes) {
  archive* reader = archive_read_new();
  archive_read_support_format_cpio(reader);
  archive_read_open_memory(reader, bytes.data(), bytes.size());
  std::vector<std::string> members;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    std::string content(static_cast<size_t>(archive_entry_size(entry)), '\0');
    archive_read_data(reader, content.data(), content.size());
    if (archive_entry_symlink(entry) != nullptr) content = archive_entry_symlink(entry);
    char mode[16];
    std::snprintf(mode, sizeof mode, "%o", archive_entry_mode(entry));
    members.push_back(std::string(archive_entry_pathname(entry)) + " " + mode + " " +
                      std::to_string(archive_entry_ino64(entry)) + " " +
                      std::to_string(archive_entry_nlink(entry)) + " " +
                      std::to_string(archive_entry_mtime(entry)) + " " +
                      std::to_string(archive_entry_uid(entry)) + " " + content);
  }
  EXPECT_STREQ(archive_format_name(reader), "ASCII cpio (SVR4 with no CRC)");
  archive_read_free(reader);
  return members;
}

TEST(CpioTest, MembersAreSortedWithTheirDirectories) {
  CpioTree tree;
  tree.add_file("usr/bin/tool", "program", 0755);
  tree.add_link("bin/sh", "busybox");
  tree.add_file("init", "agent", 0755);
  EXPECT_THAT(
      members_of(tree.to_bytes().value()),
      ElementsAre("bin 40755 1 1 0 0 ", "bin/sh 120777 2 1 0 0 busybox", "init 100755 3 1 0 0 agent",
                  "usr 40755 4 1 0 0 ", "usr/bin 40755 5 1 0 0 ", "usr/bin/tool 100755 6 1 0 0 program"));
}

TEST(CpioTest, TheOrderOfAddingDoesNotMatter) {
  CpioTree one, other;
  one.add_file("a/b", "1");
  one.add_file("c", "2");
  other.add_file("c", "2");
  other.add_directory("a");
  other.add_file("a/b", "1");
  EXPECT_EQ(one.to_bytes().value(), other.to_bytes().value());
}

TEST(CpioTest, EndsOnABlockSoThatAnotherArchiveCanFollow) {
  CpioTree tree;
  tree.add_file("odd", "12345");
  const std::string bytes = tree.to_bytes().value();
  EXPECT_EQ(bytes.size() % 512, 0U);
  EXPECT_EQ(bytes.substr(0, 6), "070701");
}

TEST(CpioTest, WhatIsRemovedIsGone) {
  CpioTree tree;
  tree.add_file("init", "agent");
  tree.add_file("kept", "x");
  tree.remove("init");
  tree.remove("never there");
  EXPECT_THAT(members_of(tree.to_bytes().value()), ElementsAre("kept 100644 1 1 0 0 x"));
}

}  // namespace
}  // namespace crashpath
