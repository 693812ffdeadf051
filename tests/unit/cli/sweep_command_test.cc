// The options of crashpath sweep. What they lead to is taken down here instead of done.

#include "cli/sweep.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>

#include "cli/commands.h"

namespace crashpath {

namespace {
std::optional<SweepOptions> asked;
}  // namespace

Result<int> sweep(const SweepOptions& options) {
  asked = options;
  return kSuccess;
}

namespace {

/// The exit status; what CLI11 refuses is thrown.
int parse(std::vector<std::string> arguments) {
  CLI::App app;
  int status = -1;
  asked.reset();
  add_sweep_command(app, status);
  arguments.insert(arguments.begin(), "sweep");
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  app.parse(std::move(arguments));
  return status;
}

TEST(SweepCommand, GoesOnWithWhatTheDirectorySays) {
  EXPECT_EQ(parse({"--continue", "/runs/x", "-j2", "--confirm", "3", "--seed", "7", "--mirror", "http://m"}),
            0);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->continued, "/runs/x");
  EXPECT_EQ(asked->confirm, 3);
}

TEST(SweepCommand, RefusesWhatItWouldIgnoreOfAStoppedSweep) {
  for (const auto& [option, value] :
       std::vector<std::pair<std::string, std::string>>{{"--points", "cpuhp"},
                                                        {"--arch", "arm64"},
                                                        {"--kernel", "6.1"},
                                                        {"--scenario", "panic.sysrq"},
                                                        {"--scenario-dir", "/tmp"},
                                                        {"--cpu", "1"},
                                                        {"--workload", "rtas"},
                                                        {"--function", "do_exit"},
                                                        {"--limit", "3"},
                                                        {"--hit", "2"},
                                                        {"--instants", "5"},
                                                        {"--window", "100"},
                                                        {"--trigger", "nmi"},
                                                        {"--output", "/runs/y"}}) {
    try {
      parse({"--continue", "/runs/x", option, value});
      ADD_FAILURE() << option << " was taken";
    } catch (const CLI::ExcludesError& error) {
      EXPECT_EQ(error.what(), option + " excludes --continue");
    }
    EXPECT_FALSE(asked) << option;
  }
  EXPECT_THROW(parse({"--continue", "/runs/x", "--capture"}), CLI::ExcludesError);
}

TEST(SweepCommand, NeedsPointsOrADirectory) {
  EXPECT_EQ(parse({}), kUsage);
  EXPECT_EQ(parse({"--points", "triggers", "--output", "/runs/y"}), 0);
  EXPECT_EQ(asked->request.kind, SweepKind::triggers);
}

}  // namespace
}  // namespace crashpath
