#pragma once

// What ftrace says of the kernel's functions, and the text of its files (Documentation/trace/ftrace.rst).

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace crashpath {

/// A function that ftrace can trace.
struct TraceableFunction {
  std::string name;
  std::string module;  ///< empty: of the kernel itself

  /// As kprobes take it: "NAME", or "MODULE:NAME" of a module's (kernel/module/kallsyms.c
  /// module_kallsyms_lookup_name).
  std::string symbol() const { return module.empty() ? name : module + ":" + name; }
};

/// A line of available_filter_functions ("NAME" or "NAME [MODULE]"). An empty name: the line is of no
/// function.
TraceableFunction parse_traceable_function(std::string_view line);

/// Whether the function's name, or its symbol, is matched (fnmatch(3)) by any of the globs; without globs:
/// yes.
bool is_wanted(const TraceableFunction& function, const std::vector<std::string>& globs);

/// Symbols of `available` (the text of available_filter_functions) that are wanted, in its order, each once.
std::vector<std::string> list_functions(std::string_view available, const std::vector<std::string>& globs);

/// Functions in the order in which a trace first has them. The trace is that of the tracer "function" with
/// neither context nor callers: a function's name a line.
class FirstHits {
 public:
  void add_line(std::string_view line);
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::set<std::string, std::less<>> seen_;
  std::vector<std::string> names_;
};

/// The symbols of those names that `available` knows and that are wanted, in the order of `names`.
std::vector<std::string> symbols_of(const std::vector<std::string>& names, std::string_view available,
                                    const std::vector<std::string>& globs);

/// Those of `symbols` that `available` has more than once: a name alone does not tell such functions apart.
std::vector<std::string> ambiguous_of(const std::vector<std::string>& symbols, std::string_view available);

/// Events that a CPU's buffer did not keep, from the text of per_cpu/cpuN/stats (kernel/trace/trace.c
/// tracing_stats_read): overwritten ones, and those that found it full.
std::uint64_t lost_events(std::string_view stats);

}  // namespace crashpath
