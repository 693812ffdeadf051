#include "harness/trial/template.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/machine/fake_machine.h"

namespace crashpath {
namespace {

using testing::HasSubstr;
namespace json = boost::json;
namespace fs = std::filesystem;

class SilentWatcher : public TrialObserver {
  void stage_entered(Stage) override {}
  void console_line(std::string_view) override {}
  void capture_progress(std::uint64_t, std::uint64_t) override {}
};

constexpr unsigned kRamMib = 8;
constexpr std::size_t kRamSize = std::size_t{kRamMib} << 20;

/// A small guest that comes up, has one byte in its RAM, and answers each command as `reply_` says.
class TemplateTest : public testing::Test {
 protected:
  TemplateTest() {
    directory_ = fs::path(testing::TempDir()) / ("template_test." + std::to_string(getpid()));
    fs::remove_all(directory_);
    image_.architecture = find_architecture("arm64");
    image_.kernel_release = "6.12";
    scenario_.trigger = ScenarioTrigger{.kind = "sysrq-c", .cpu = std::nullopt, .arguments = {}};
    trial_.id = "test";
    trial_.scenario = &scenario_;
    trial_.image = &image_;
    trial_.machine.architecture = image_.architecture;
    trial_.machine.memory_mib = kRamMib;
  }
  ~TemplateTest() override { fs::remove_all(directory_); }

  MachineFactory factory() {
    return [this](const MachineConfig& config) -> Result<std::unique_ptr<Machine>> {
      auto machine = std::make_unique<FakeMachine>(config);
      machine->ram().assign(kRamSize, std::byte{0});
      machine->ram()[kRamSize / 2 + 5] = std::byte{0x55};
      machine->prints("Linux version 6.12")
          .says(R"({"type":"hello","kernel":"first","seq":1,"generation":0})");
      machine->interrupt_pends = [this] { return pending_interrupts_-- > 0; };
      machine->on_sent = [this](FakeMachine& guest, std::string_view line) {
        const json::value command = json::parse(line);
        json::object answer = reply_;
        if (std::string_view(command.at("run").as_string()) == killed_at_) raise(SIGKILL);
        if (command.at("run") == "wake" && sleepers_-- > 0) return;
        if (command.at("run") == "report") answer = {{"type", "report"}, {"kernel", "first"}};
        answer["id"] = command.at("id");
        guest.replies(json::serialize(answer));
      };
      return std::unique_ptr<Machine>(std::move(machine));
    };
  }
  Result<> make(TemplateStore& store) {
    SilentWatcher watcher;
    Interruption interruption;
    return store.make(key(), trial_, factory(), watcher, interruption);
  }
  /// How a trial ended that forked from a fresh template, of whose forks `sleepers_` do not answer.
  TimelineEnd end_of_fork() {
    const int sleepers = std::exchange(sleepers_, 0);
    TemplateStore store(directory_, kRamSize * 10);
    if (!make(store)) throw std::runtime_error("no template");
    sleepers_ = sleepers;
    const auto loaded = store.load(key(), kRamMib).value();
    SilentWatcher watcher;
    Interruption interruption;
    const fs::path evidence = directory_ / "trial";
    fs::create_directories(evidence);
    if (!run_trial(trial_, evidence, factory(), watcher, interruption, loaded.get()))
      throw std::runtime_error("the trial cannot be recorded");
    return read_timeline(evidence / evidence_file::kTimeline).value().end.value();
  }
  std::string key() { return template_key(trial_, factory()).value(); }
  /// Changes one byte of a file of the template.
  void damage(const std::string& file, std::streamoff at) {
    std::fstream stream(directory_ / key() / file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(at);
    stream.put('\x7f');
  }

  int sleepers_ = 0;            ///< so many forks do not answer
  int pending_interrupts_ = 0;  ///< so often one is pending when asked for
  std::string killed_at_;       ///< this command ends the process
  fs::path directory_;
  GuestImage image_;
  Scenario scenario_;
  PlannedTrial trial_;
  json::object reply_{
      {"type", "result"},
      {"kernel", "first"},
      {"ok", true},
      {"data",
       json::object{{"segments", json::array{json::object{{"mem", "0x1000"}, {"memsz", "0x2000"}}}}}}};
};

TEST_F(TemplateTest, ThatNoForkWakesFromIsMadeAgain) {
  TemplateStore store(directory_, std::uint64_t{1} << 30);
  sleepers_ = 2;
  ASSERT_TRUE(make(store));
  EXPECT_TRUE(store.has(key()));
}

TEST_F(TemplateTest, ThatNoForkEverWakesFromIsNone) {
  TemplateStore store(directory_, std::uint64_t{1} << 30);
  sleepers_ = 3;
  const auto made = make(store);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("no fork of the saved guest wakes"));
  EXPECT_FALSE(store.has(key()));
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(TemplateTest, IsWhatTheGuestWas) {
  TemplateStore store(directory_, kRamSize * 10);
  EXPECT_FALSE(store.has(key()));
  const auto made = make(store);
  ASSERT_TRUE(made) << made.error().to_string();
  ASSERT_TRUE(store.has(key()));
  const auto loaded = store.load(key(), kRamMib).value();
  EXPECT_EQ(loaded->guest.ram->bytes()[kRamSize / 2 + 5], std::byte{0x55});
  EXPECT_EQ(*loaded->guest.device_state, "devices of a fake machine");
  EXPECT_EQ(loaded->segments.size(), 1U);
  EXPECT_EQ(loaded->hashes.hashes.size(), kRamSize / kHashedPageSize);
  EXPECT_THAT(read_file(loaded->directory / evidence_file::kConsoleFirst).value(),
              HasSubstr("Linux version"));
  EXPECT_EQ(store.load(key(), kRamMib).value(), loaded) << "forks share one copy";
  EXPECT_LT(allocated_size(loaded->directory / "ram").value(), 200'000U) << "zeros take no room";
}

TEST_F(TemplateTest, ThatIsDamagedIsRefusedAndRemoved) {
  struct Damage {
    const char* file;
    std::streamoff at;
    const char* words;
  };
  for (const Damage& damaged :
       {Damage{"ram", kRamSize / 2 + 5, "RAM is damaged"}, Damage{"ram", 4096, "RAM is damaged"},
        Damage{"device-state", 3, "device-state is damaged"},
        Damage{"ram.pagehash", 40, "ram.pagehash is damaged"},
        Damage{"template.json", 0, "template.json is damaged"}}) {
    TemplateStore store(directory_, kRamSize * 10);
    ASSERT_TRUE(make(store));
    damage(damaged.file, damaged.at);
    const auto loaded = store.load(key(), kRamMib);
    ASSERT_FALSE(loaded) << damaged.file;
    EXPECT_THAT(loaded.error().message(), HasSubstr(damaged.words));
    EXPECT_FALSE(store.has(key())) << damaged.file;
  }
}

TEST_F(TemplateTest, ThatIsCutOffIsRefusedAndRemoved) {
  for (const char* file : {"ram", "device-state", "ram.pagehash", "template.json"}) {
    for (const bool missing : {false, true}) {
      TemplateStore store(directory_, kRamSize * 10);
      ASSERT_TRUE(make(store));
      const fs::path cut = directory_ / key() / file;
      if (missing)
        fs::remove(cut);
      else
        fs::resize_file(cut, fs::file_size(cut) / 2);
      const auto loaded = store.load(key(), kRamMib);
      ASSERT_FALSE(loaded) << file;
      EXPECT_EQ(loaded.error().fault(), Fault::host) << loaded.error().message();
      EXPECT_FALSE(store.has(key())) << file;
      ASSERT_TRUE(make(store)) << "and made again";
      EXPECT_TRUE(store.load(key(), kRamMib));
    }
  }
}

/// Runs this in a process of its own, as a disk that is full or a kill needs it, and says how that ended.
int in_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

// A limit of a file's size is to the writer what a full disk is: some write fails.
TEST_F(TemplateTest, ThatTheDiskHasNoRoomForIsAnErrorOfTheHostAndLeavesNothing) {
  for (const rlim_t room : {rlim_t{10}, rlim_t{60'000}, rlim_t{kRamSize / 2}}) {
    const int status = in_child([&] {
      signal(SIGXFSZ, SIG_IGN);  // a write fails with EFBIG instead
      const rlimit limit{room, room};
      setrlimit(RLIMIT_FSIZE, &limit);
      TemplateStore store(directory_, kRamSize * 10);
      const auto made = make(store);
      return !made && made.error().fault() == Fault::host &&
             made.error().message().find("File too large") != std::string::npos;
    });
    EXPECT_EQ(status, 0) << "with room for " << room;
    EXPECT_TRUE(fs::is_empty(directory_)) << "with room for " << room;
  }
}

TEST_F(TemplateTest, WhoseMakerIsKilledIsNotThereAndIsMadeAgain) {
  killed_at_ = "wake";  // its RAM and devices are saved by then, and everything is described
  const int status = in_child([&] {
    TemplateStore store(directory_, kRamSize * 10);
    return make(store).has_value();
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(fs::is_empty(directory_)) << "what it had begun";
  killed_at_.clear();
  TemplateStore store(directory_, kRamSize * 10);
  EXPECT_TRUE(fs::is_empty(directory_));
  EXPECT_FALSE(store.has(key()));
  ASSERT_TRUE(make(store));
  EXPECT_TRUE(store.load(key(), kRamMib));
}

// QEMU would lose it: no fork would hear of what the interrupt was about to tell.
TEST_F(TemplateTest, IsNotSavedWhileAnInterruptIsPending) {
  TemplateStore store(directory_, kRamSize * 10);
  pending_interrupts_ = 3;
  ASSERT_TRUE(make(store));
  EXPECT_EQ(pending_interrupts_, -1) << "asked until there was none, and then no more";
}

TEST_F(TemplateTest, IsSavedInTheEndWhenNobodyTakesTheInterrupt) {
  TemplateStore store(directory_, kRamSize * 10);
  pending_interrupts_ = 1000;
  ASSERT_TRUE(make(store));
  EXPECT_GT(pending_interrupts_, 0);
}

TEST_F(TemplateTest, AnotherForkIsMadeOfOneThatDoesNotWake) {
  sleepers_ = 2;
  const TimelineEnd end = end_of_fork();
  EXPECT_THAT(end.words, HasSubstr("the agent gave no length of the dump")) << "the third one got there";
  EXPECT_TRUE(fs::exists(directory_ / "trial" / evidence_file::kAsleep));
}

TEST_F(TemplateTest, ThatSeveralForksDoNotWakeIsNoFailureOfTheKernel) {
  sleepers_ = 3;
  const TimelineEnd end = end_of_fork();
  EXPECT_EQ(end.by, EndedBy::host);
  EXPECT_THAT(end.words, HasSubstr("the fork did not wake"));
  EXPECT_THAT(end.words, HasSubstr("for which it had 20 s"));
}

TEST_F(TemplateTest, OfAGuestThatCannotBeArmedIsNotThere) {
  reply_["ok"] = false;
  reply_["error"] = "no reservation";
  TemplateStore store(directory_, kRamSize * 10);
  const auto made = make(store);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fault(), Fault::guest);
  EXPECT_THAT(made.error().message(), HasSubstr("no reservation"));
  EXPECT_TRUE(fs::is_empty(directory_)) << "nothing is left of it";
}

TEST_F(TemplateTest, TheLeastRecentlyUsedGoesWhenThereIsNoRoom) {
  TemplateStore store(directory_, 50'000);
  ASSERT_TRUE(make(store));
  const std::string first = key();
  trial_.machine.append = "another guest";
  ASSERT_NE(key(), first);
  ASSERT_TRUE(make(store));
  EXPECT_TRUE(store.has(key()));
  EXPECT_FALSE(store.has(first));
}

TEST_F(TemplateTest, KeyFollowsWhatShapesTheGuestAndNothingElse) {
  const std::string before = key();
  scenario_.trigger->kind = "oops";
  EXPECT_EQ(key(), before) << "what happens later makes no other guest";
  trial_.machine.cpus = 2;
  EXPECT_NE(key(), before);
  trial_.machine.trace_events = {"gicv3_redist_write"};
  EXPECT_EQ(key(), "") << "a fork has no trace of its boot";
  trial_.machine.trace_events.clear();
  scenario_.capture.load = false;
  EXPECT_EQ(key(), "") << "nothing is shared";
}

TEST_F(TemplateTest, LeftoversOfAKilledProcessGo) {
  const std::string ours = ".new-" + std::to_string(getpid()) + "-abcdef";
  fs::create_directories(directory_ / ".new-999999999-abcdef");
  fs::create_directories(directory_ / ours);
  const TemplateStore store(directory_, kRamSize);
  EXPECT_FALSE(fs::exists(directory_ / ".new-999999999-abcdef"));
  EXPECT_TRUE(fs::exists(directory_ / ours));
}

}  // namespace
}  // namespace crashpath
