#pragma once

// Golden files: tests/golden/NAME holds what is expected. With CRASHPATH_UPDATE_GOLDEN set they are written
// instead of compared; read the difference before committing it.

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "harness/base/file.h"

namespace crashpath {

inline void expect_golden(const std::string& name, const std::string& text) {
  const std::string file = std::string(CRASHPATH_TESTS_DIR) + "/golden/" + name;
  if (std::getenv("CRASHPATH_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(write_file(file, text));
    return;
  }
  const auto golden = read_file(file);
  ASSERT_TRUE(golden) << golden.error().to_string();
  EXPECT_EQ(text, *golden) << "differs from " << file;
}

}  // namespace crashpath
