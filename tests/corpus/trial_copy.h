#pragma once

// A writable copy of a recorded trial (tests/corpus/trials), for tests that change one thing in it.

#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace crashpath {

/// The content of a compressed file: "device-state/arm64-6.12.stream.zst" below tests/corpus. What goes wrong
/// is thrown: it is the test's.
std::string read_compressed(const std::filesystem::path& file);

class TrialCopy {
 public:
  /// Copies tests/corpus/trials/NAME into a directory of its own below the system's temporary one; files that
  /// end in ".zst" are decompressed. What goes wrong is thrown: it is the test's.
  explicit TrialCopy(std::string_view name);
  ~TrialCopy();
  TrialCopy(const TrialCopy&) = delete;
  TrialCopy& operator=(const TrialCopy&) = delete;

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path path(std::string_view file) const { return directory_ / file; }

  void remove(std::string_view file);
  void truncate(std::string_view file, std::uintmax_t size);
  /// Replaces every occurrence of `from`; there has to be one.
  void replace(std::string_view file, std::string_view from, std::string_view to);
  /// Inverts one byte of a file.
  void flip_byte(std::string_view file, std::uintmax_t offset);
  /// Keeps the lines of a text file that the function says yes to.
  void keep_lines(std::string_view file, const std::function<bool(const std::string&)>& keep);
  /// Replaces the text of one of the guest's files in the reports of one of the kernels ("first", "second").
  void set_guest_file(std::string_view kernel, std::string_view guest_path, std::string_view text);
  /// Changes the messages of the agent one by one; the object is the message itself.
  void edit_messages(const std::function<void(boost::json::object&)>& edit);

 private:
  std::filesystem::path directory_;
};

}  // namespace crashpath
