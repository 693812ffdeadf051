// The commands `functions.list` and `functions.record`: what ftrace knows of the kernel's functions.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "guestimages/agent/commands.h"
#include "guestimages/agent/line_buffer.h"
#include "guestimages/agent/tracing.h"
#include "harness/base/file.h"

namespace crashpath {
namespace fs = std::filesystem;
namespace {

const fs::path tracefs = "/sys/kernel/tracing";

boost::json::array to_json(const std::vector<std::string>& names) {
  return boost::json::array(names.begin(), names.end());
}

Result<std::string> available_functions() {
  auto text = read_file(tracefs / "available_filter_functions");
  if (text) return text;
  return Error::guest("this kernel cannot trace functions: " + text.error().message());
}

/// A trace of its own (Documentation/trace/ftrace.rst, "Instances"): what is set there is gone when it is
/// removed.
class TraceInstance {
 public:
  static Result<TraceInstance> make() {
    fs::path directory = tracefs / "instances/crashpath";
    if (::mkdir(directory.c_str(), 0755) != 0)
      return Error::guest(fmt::format("cannot make {}: {}", directory.string(), std::strerror(errno)));
    return TraceInstance(std::move(directory));
  }
  TraceInstance(TraceInstance&& other) noexcept : directory_(std::exchange(other.directory_, {})) {}
  TraceInstance& operator=(TraceInstance&&) = delete;
  ~TraceInstance() {
    if (!directory_.empty()) ::rmdir(directory_.c_str());
  }

  Result<> set(const char* file, std::string_view text) const {
    const UniqueFd fd = CP_TRY(open_file(directory_ / file, O_WRONLY));
    if (::write(fd.get(), text.data(), text.size()) >= 0) return {};
    return Error::guest(
        fmt::format("writing '{}' to {}: {}", text, (directory_ / file).string(), std::strerror(errno)));
  }
  const fs::path& directory() const { return directory_; }

 private:
  explicit TraceInstance(fs::path directory) : directory_(std::move(directory)) {}

  fs::path directory_;
};

/// The tracer, set up but not yet recording: 28 bytes for each call, on each CPU as much as a quarter of the
/// free memory has room for. What does not fit is lost, not what was there before: first hits matter.
Result<TraceInstance> set_up_function_trace() {
  constexpr long most_kib = 16 * 1024;
  const long free_kib = ::sysconf(_SC_AVPHYS_PAGES) / 1024 * ::sysconf(_SC_PAGESIZE);
  const long each_kib = std::min(most_kib, free_kib / 4 / std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF)));
  TraceInstance trace = CP_TRY(TraceInstance::make());
  CP_TRY(trace.set("tracing_on", "0"));
  CP_TRY(trace.set("buffer_size_kb", std::to_string(each_kib)));
  CP_TRY(trace.set("options/overwrite", "0"));
  CP_TRY(trace.set("options/context-info", "0"));
  CP_TRY(trace.set("options/print-parent", "0"));
  CP_TRY(trace.set("current_tracer", "function"));
  return trace;
}

Result<std::vector<std::string>> read_first_hits(const TraceInstance& trace) {
  constexpr std::size_t longest_line = 4096;
  const UniqueFd fd = CP_TRY(open_file(trace.directory() / "trace", O_RDONLY));
  LineBuffer lines(longest_line);
  FirstHits hits;
  std::string buffer(64 * 1024, '\0');
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0) return Error::from_errno("cannot read the trace");
    if (n == 0) return hits.names();
    lines.append(std::string_view(buffer).substr(0, static_cast<std::size_t>(n)));
    while (const auto line = lines.next()) hits.add_line(line->text);
  }
}

Result<std::uint64_t> count_lost(const TraceInstance& trace) {
  std::uint64_t lost = 0;
  std::error_code error;
  for (const auto& cpu : fs::directory_iterator(trace.directory() / "per_cpu", error))
    lost += lost_events(CP_TRY(read_file(cpu.path() / "stats")));
  if (error) return Error::guest("cannot list the trace's CPUs: " + error.message());
  return lost;
}

}  // namespace

Result<Answer> list_functions(Session&, const boost::json::value&, Arguments arguments) {
  const auto globs = CP_TRY(arguments.texts("globs"));
  CP_TRY(arguments.nothing_else());
  const std::string available = CP_TRY(available_functions());
  const auto functions = list_functions(available, globs);
  Answer answer;
  answer.data = {{"functions", to_json(functions)},
                 {"ambiguous", to_json(ambiguous_of(functions, available))}};
  return answer;
}

Result<Answer> record_functions(Session&, const boost::json::value&, Arguments arguments) {
  const auto globs = CP_TRY(arguments.texts("globs"));
  const Workload workload = CP_TRY(parse_workload(CP_TRY(arguments.object("workload"))));
  CP_TRY(arguments.nothing_else());
  const std::string available = CP_TRY(available_functions());
  const TraceInstance trace = CP_TRY(set_up_function_trace());
  WorkloadTask task = CP_TRY(start_workload(workload));
  CP_TRY(trace.set("tracing_on", "1"));
  const auto begun = begin(task);
  const auto done = begun ? finish(std::move(task)) : begun;
  CP_TRY(trace.set("tracing_on", "0"));
  CP_TRY(done);
  // From here on one function calls the tracer and no longer all: reading the trace would take minutes.
  // Another tracer would clear the trace.
  CP_TRY(trace.set("set_ftrace_filter",
                   parse_traceable_function(available.substr(0, available.find('\n'))).name));
  Answer answer;
  const auto functions = symbols_of(CP_TRY(read_first_hits(trace)), available, globs);
  answer.data = {{"functions", to_json(functions)},
                 {"ambiguous", to_json(ambiguous_of(functions, available))},
                 {"lost", CP_TRY(count_lost(trace))}};
  return answer;
}

}  // namespace crashpath
