#pragma once

// The harness's side of a running guest: waits for what the script needs next, records everything that comes
// meanwhile, follows the guest through its stages, and says in words why it does not get further.

#include <boost/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "harness/evidence/hang.h"
#include "harness/machine/machine.h"
#include "harness/trial/deadlines.h"
#include "harness/trial/recorder.h"
#include "harness/trial/runner.h"

namespace crashpath {

class Conversation {
 public:
  Conversation(Machine& machine, Recorder& recorder, TrialObserver& observer,
               const Architecture& architecture);

  Machine& machine() { return machine_; }
  Kernel kernel() const { return kernel_; }  ///< the kernel that runs now, as far as seen

  void enter(Stage stage);
  /// The first kernel is up: from here on deadlines follow how long that took.
  void booted() { booted_in(Clock::now() - waiting_since_); }
  void booted_in(Clock::duration boot) { deadlines_.booted_in(boot); }
  void woke_in(Clock::duration woke) { deadlines_.woke_in(woke); }

  /// The guest got no further before its deadline, or will not, and is still there.
  bool is_overdue() const { return is_overdue_; }
  /// Of a fork: it is overdue with its first answer.
  bool is_asleep() const { return is_overdue_ && waking_; }
  /// Records what comes within that time. What ends the guest ends it, too.
  void listen(Clock::duration time);

  /// Waits until the second kernel is seen for the first time, on the console or by its agent.
  Result<> await_second_kernel();
  /// Waits until the agent of this kernel says that it is there.
  Result<> await_hello(Kernel kernel);

  /// What the agent answered: it did as asked and gives `data`, or did not and says why.
  struct Answer {
    bool ok = false;
    std::string error;
    boost::json::object data;
  };
  /// Sends a command and waits for its answer.
  Result<Answer> ask(std::string_view run, const boost::json::object& arguments);
  /// The first command to a fork. The kernel was seen alive, so a fork that stays silent is no failure of it
  /// but of how it was saved or restored: a host error.
  Result<Answer> wake(const boost::json::object& arguments);

 private:
  Result<boost::json::object> await(std::string_view what, std::string_view type, std::optional<int> id);
  Result<std::optional<boost::json::object>> take_next(std::string_view what);
  Result<std::optional<boost::json::object>> take(const Event& event);
  void take_console(const ConsoleLine& line);
  void note_last_words(std::string_view line);
  void note_no_crash(const boost::json::object& message);
  std::optional<boost::json::object> take_agent(const AgentLine& line);
  Error exited(const MachineExited& exit) const;
  Error overdue(std::string_view what);
  Error silent(std::string_view what) const;
  bool extend_for_starvation();
  bool is_deadlocked();
  void restart_deadline();

  Machine& machine_;
  Recorder& recorder_;
  TrialObserver& observer_;
  const Architecture& architecture_;
  Deadlines deadlines_;
  Kernel kernel_ = Kernel::first;
  bool is_overdue_ = false;
  bool second_said_hello_ = false;
  int next_id_ = 1;
  Clock::time_point waiting_since_ = Clock::now();
  Clock::time_point deadline_ = Clock::now();
  Clock::duration budget_{};
  Clock::duration starved_at_first_{}, starved_before_{};
  /// A guest that is silent for long is looked at, twice.
  struct Look {
    Hang hang;
    Clock::time_point at;
    Clock::duration starved{};
  };
  Clock::time_point look_at_ = Clock::time_point::max();
  std::optional<Look> first_look_;
  bool waking_ = false;
  std::string last_line_;
  std::string panic_line_;           ///< of the kernel that runs now
  std::string damage_line_;          ///< what purgatory said of a damaged crash kernel
  std::set<int> crash_depends_on_;   ///< commands that go on after their answer
  std::optional<Error> no_crash_;    ///< why the kernel did not crash, by its agent
  std::optional<Error> last_words_;  ///< of an agent that has given up
  std::string shutdown_reason_;      ///< QMP SHUTDOWN: "guest-reset", "guest-panic", "host-signal", ...
};

}  // namespace crashpath
