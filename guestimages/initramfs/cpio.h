#pragma once

// Archives that a kernel unpacks as its initramfs: cpio, "newc".

#include <filesystem>
#include <map>
#include <string>

#include "harness/base/result.h"

namespace crashpath {

/// What is to be in an archive. The bytes that come out depend on nothing else: members are sorted by path,
/// belong to root, were last changed in 1970 and are numbered from 1.
class CpioTree {
 public:
  /// Paths have no leading slash. The directories above are added by themselves.
  void add_file(const std::string& path, std::string content, unsigned mode = 0644);
  void add_link(const std::string& path, std::string target);
  void add_directory(const std::string& path);

  bool contains(const std::string& path) const { return members_.count(path) != 0; }
  /// Takes a file out again; nothing happens when it is not there.
  void remove(const std::string& path) { members_.erase(path); }

  /// The archive, padded to a multiple of 512 bytes so that another one can follow.
  Result<std::string> to_bytes() const;

 private:
  struct Member {
    unsigned mode;        ///< with the type of file
    std::string content;  ///< of a file, or where a link points
  };
  void add(const std::string& path, Member member);

  std::map<std::string, Member> members_;  ///< a directory sorts before what is in it
};

}  // namespace crashpath
