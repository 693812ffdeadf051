// crashpath report DIR: the report of an earlier run.

#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/errors.h"
#include "harness/report/formats.h"
#include "harness/report/html.h"
#include "harness/report/terminal.h"

namespace crashpath {
namespace {

Result<> report(const std::filesystem::path& directory, const std::string& format) {
  const Results results = CP_TRY(read_results(directory));
  if (format == "terminal")
    fmt::print("{}", to_terminal(results, directory, detect_terminal(STDOUT_FILENO)));
  else if (format == "html")
    fmt::print("{}", CP_TRY(to_html(results, directory)));
  else
    fmt::print("{}", CP_TRY(to_format(format, results)));
  return {};
}

}  // namespace

void add_report_command(CLI::App& app, int& status) {
  auto directory = std::make_shared<std::filesystem::path>();
  auto format = std::make_shared<std::string>("terminal");
  CLI::App* command = app.add_subcommand("report", "The report of an earlier run");
  command->add_option("DIR", *directory, "directory of a run")->required();
  command->add_option("--format", *format, "terminal (default), html, json, ktap, junit, kcidb");
  command->callback([=, &status] {
    if (const auto result = report(*directory, *format); !result) status = report_error(result.error());
  });
}

}  // namespace crashpath
