#include "harness/machine/libvirt/inbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crashpath::libvirt {
namespace {

template <class T>
T taken(Inbox& inbox) {
  const auto event = inbox.take(Clock::now());
  const T* wanted = event ? std::get_if<T>(&*event) : nullptr;
  EXPECT_NE(wanted, nullptr);
  return wanted != nullptr ? *wanted : T();
}

std::string reason_of(const HypervisorEvent& event) {
  const auto* reason = event.data.if_contains("reason");
  return reason != nullptr ? std::string(reason->as_string()) : "";
}

TEST(Inbox, KeepsTheOrderAndSplitsLines) {
  Inbox inbox;
  inbox.console("one\r\ntw");
  inbox.agent("{}\n");
  inbox.console("o\n");
  EXPECT_EQ(taken<ConsoleLine>(inbox).text, "one");
  EXPECT_EQ(taken<AgentLine>(inbox).text, "{}");
  EXPECT_EQ(taken<ConsoleLine>(inbox).text, "two");
  EXPECT_EQ(inbox.console_bytes(), 9U);
  EXPECT_FALSE(inbox.take(Clock::now()));
}

TEST(Inbox, TheGuestsOwnReasonForTheEndCounts) {
  Inbox inbox;
  inbox.monitor_event("SHUTDOWN", R"({"guest":true,"reason":"guest-reset"})");
  inbox.monitor_event("SHUTDOWN", R"({"guest":false,"reason":"host-signal"})");
  EXPECT_EQ(reason_of(taken<HypervisorEvent>(inbox)), "guest-reset");
  EXPECT_FALSE(inbox.take(Clock::now()));
}

TEST(Inbox, ThatLibvirtEndsAPanickedGuestIsNotItsReason) {
  Inbox inbox;
  inbox.monitor_event("GUEST_PANICKED", R"({"action":"run"})");
  inbox.monitor_event("SHUTDOWN", R"({"guest":false,"reason":"host-signal"})");
  EXPECT_EQ(taken<HypervisorEvent>(inbox).name, "GUEST_PANICKED");
  EXPECT_EQ(reason_of(taken<HypervisorEvent>(inbox)), "guest-panic");
}

TEST(Inbox, APanickedGuestShutsDownAlsoWhenLibvirtEndsQemuBeforeItSaysSo) {
  Inbox inbox;
  inbox.monitor_event("GUEST_PANICKED", R"({"action":"pause"})");
  inbox.monitor_event("STOP", "{}");
  inbox.domain_ended(false);
  EXPECT_EQ(taken<HypervisorEvent>(inbox).name, "GUEST_PANICKED");
  EXPECT_EQ(taken<HypervisorEvent>(inbox).name, "STOP");
  EXPECT_EQ(reason_of(taken<HypervisorEvent>(inbox)), "guest-panic");
}

TEST(Inbox, AKilledGuestKeepsTheHostsReason) {
  Inbox inbox;
  inbox.monitor_event("SHUTDOWN", R"({"guest":false,"reason":"host-signal"})");
  EXPECT_EQ(reason_of(taken<HypervisorEvent>(inbox)), "host-signal");
}

TEST(Inbox, MigrationsAreOursAndNoEvents) {
  Inbox inbox;
  inbox.monitor_event("MIGRATION", R"({"status":"setup"})");
  EXPECT_FALSE(inbox.await_migration(Clock::now()));
  inbox.monitor_event("MIGRATION", R"({"status":"completed"})");
  EXPECT_TRUE(inbox.await_migration(Clock::now()));
  EXPECT_EQ(inbox.migration_status(), "completed");
  EXPECT_FALSE(inbox.take(Clock::now()));
}

TEST(Inbox, AnEventWithoutReadableDataIsStillOne) {
  Inbox inbox;
  inbox.monitor_event("RESET", "{not json");
  inbox.monitor_event("STOP", "");
  EXPECT_EQ(taken<HypervisorEvent>(inbox).name, "RESET");
  EXPECT_EQ(taken<HypervisorEvent>(inbox).name, "STOP");
}

TEST(Inbox, TheEndIsHeardWhenTheStreamsHaveEndedToo) {
  Inbox inbox;
  inbox.expect_streams(2);
  inbox.domain_ended(true);
  inbox.stream_ended();
  EXPECT_FALSE(inbox.everything_heard());
  inbox.stream_ended();
  EXPECT_TRUE(inbox.everything_heard());
  EXPECT_TRUE(inbox.failed());
  // Nobody waits for more, until the end itself was told.
  EXPECT_FALSE(inbox.take(Clock::now() + std::chrono::hours(1)));
}

TEST(Inbox, AnInterruptionComesFirst) {
  Inbox inbox;
  inbox.console("line\n");
  inbox.interrupt();
  taken<Interrupted>(inbox);
  taken<ConsoleLine>(inbox);
}

}  // namespace
}  // namespace crashpath::libvirt
