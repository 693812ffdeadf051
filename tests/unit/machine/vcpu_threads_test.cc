#include "harness/machine/qemu/vcpu_threads.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace crashpath {
namespace {

using namespace std::chrono_literals;

/// Threads that stand for vCPUs: the first one runs all the time, the other one sleeps.
class VcpuThreadsTest : public testing::Test {
 protected:
  VcpuThreadsTest() {
    while (busy_id_ == 0 || idle_id_ == 0) std::this_thread::sleep_for(1ms);
    threads_ = VcpuThreads(::getpid(), {busy_id_, idle_id_});
  }
  ~VcpuThreadsTest() override {
    ends_ = true;
    busy_.join();
    idle_.join();
  }

  void SetUp() override {
    const auto id = static_cast<id_t>(idle_id_.load());
    if (::setpriority(PRIO_PROCESS, id, 1) != 0 || ::setpriority(PRIO_PROCESS, id, 0) != 0)
      GTEST_SKIP() << "needs CAP_SYS_NICE";
  }

  /// Looks as many times as that, after a while each.
  void look(int times, std::uint64_t busy_at, std::uint64_t idle_at) {
    for (int i = 0; i < times; ++i) {
      std::this_thread::sleep_for(30ms);
      threads_.take_look({{.cpu = 0, .values = {{"nip", busy_at}}}, {.cpu = 1, .values = {{"nip", idle_at}}}},
                         Clock::now());
    }
  }
  /// On a busy host the busy thread may wait too long between two looks to be seen busy.
  void look_until_it_yields() {
    for (int i = 0; i < 300 && nice_of(busy_id_) != 19; ++i) look(1, 0x1008, 0x2000);
  }
  static int nice_of(pid_t id) { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(id)); }

  std::atomic<bool> ends_ = false;
  std::atomic<pid_t> busy_id_ = 0, idle_id_ = 0;
  std::thread busy_{[this] {
    busy_id_ = ::gettid();
    while (!ends_) {
    }
  }};
  std::thread idle_{[this] {
    idle_id_ = ::gettid();
    while (!ends_) std::this_thread::sleep_for(1ms);
  }};
  VcpuThreads threads_;
};

TEST_F(VcpuThreadsTest, OneThatSpinsYieldsUntilItIsSeenElsewhere) {
  look(2, 0x1000, 0x2000);
  EXPECT_EQ(nice_of(busy_id_), 0) << "two looks are one interval";
  look_until_it_yields();
  EXPECT_EQ(nice_of(busy_id_), 19);
  EXPECT_EQ(nice_of(idle_id_), 0) << "one that is halted stands at one place, too";
  look(1, 0x5000, 0x2000);
  EXPECT_EQ(nice_of(busy_id_), 0);
}

TEST_F(VcpuThreadsTest, OneThatGetsAroundDoesNotYield) {
  for (std::uint64_t place = 0x1000; place < 0x1600; place += 0x100) look(1, place, 0x2000);
  EXPECT_EQ(nice_of(busy_id_), 0);
}

TEST_F(VcpuThreadsTest, WhatOneWaitsThatYieldsIsNotCounted) {
  look_until_it_yields();
  const auto before = threads_.starved();
  std::thread rival([] {  // on two CPUs there may be no wait at all, but never a longer one
    for (const auto end = Clock::now() + 100ms; Clock::now() < end;) {
    }
  });
  rival.join();
  EXPECT_LE(threads_.starved() - before, 50ms);
}

TEST_F(VcpuThreadsTest, VcpusThatItDoesNotHaveAreLeftOut) {
  threads_.take_look({{.cpu = 7, .values = {}}, {.cpu = -1, .values = {}}}, Clock::now());
  EXPECT_EQ(VcpuThreads().starved(), Clock::duration::zero());
}

}  // namespace
}  // namespace crashpath
