#pragma once

// Sweeps: one scenario's guest, crashed at many points. Each point is a scenario of its own, which can be run
// again like any other.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/trial/scenario.h"

namespace crashpath {

enum class SweepKind {
  cpuhp,      ///< in the startup and teardown callbacks of every CPU hotplug state
  functions,  ///< at the entry of kernel functions
  time,       ///< at instants spread over a workload
  triggers,   ///< every trigger on every CPU
};
std::string_view to_string(SweepKind kind);
std::optional<SweepKind> parse_sweep_kind(std::string_view text);

struct SweepRequest {
  SweepKind kind = SweepKind::cpuhp;
  int cpu = -1;                    ///< that workloads take offline and online; -1: the guest's last one
  std::string workload = "cpuhp";  ///< of functions and time
  std::vector<std::string> functions = {};  ///< globs; empty: all that the workload reaches
  int hit = 1;                              ///< of functions: crash at this one
  int limit = 0;                            ///< of functions: at most so many, spread evenly; 0: all
  int instants = 20;                        ///< of time
  int window_ms = 2000;                     ///< of time: the last instant, counted from the workload's start
  std::string trigger = "sysrq-c";          ///< of time: "sysrq-c" or "nmi"
  bool capture = false;                     ///< the second kernel captures a dump, too
};

/// One trial of a sweep. Its summary is a table: a row and a column for each point.
struct SweepPoint {
  std::string row, column;
  std::string scenario;  ///< its name: "sweep.cpuhp.213-workqueue-online.startup"
  std::string text;      ///< the scenario, as a file has it
};

/// What a guest has to be asked for its points: a step for the first kernel's agent; none for kinds that need
/// no answer.
std::optional<ScenarioStep> sweep_question(const SweepRequest& request, const Scenario& base);

/// The points of one guest. `answer` is the data of the agent's answer to the question. They begin as `base`
/// does: its machine, kernel, crash kernel and steps; trigger and expectations are the sweep's. A guest error
/// for an answer that cannot be, a usage error when nothing is left to sweep.
Result<std::vector<SweepPoint>> make_sweep_points(const SweepRequest& request, const Scenario& base,
                                                  const boost::json::object& answer);

}  // namespace crashpath
