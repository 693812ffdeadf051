#pragma once

// Consoles recorded from real guests, as the tests of this room read them.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/file.h"

namespace crashpath {

/// Lines of a file below tests/corpus without the host's time stamp, which is 10 characters and a space.
inline std::vector<std::string> recorded_lines(const std::string& file) {
  std::vector<std::string> lines;
  const auto text = read_file(std::string(CRASHPATH_TESTS_DIR) + "/corpus/" + file);
  EXPECT_TRUE(text) << file;
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    lines.emplace_back(line.substr(std::min<std::size_t>(11, line.size())));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return lines;
}

}  // namespace crashpath
