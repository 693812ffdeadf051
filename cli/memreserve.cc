// crashpath memreserve show DIR: the witnesses of a trial's LPI tables side by side.

#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/errors.h"
#include "memreserve/show.h"

namespace crashpath {
namespace {

Result<int> show(const std::filesystem::path& directory, bool json) {
  const Evidence evidence(directory);
  const MemreserveExhibit exhibit = CP_TRY(make_memreserve_exhibit(evidence));
  fmt::print("{}", json ? boost::json::serialize(to_json(exhibit)) + "\n" : to_text(exhibit));
  return exhibit.agrees() ? kSuccess : kFailure;
}

struct ShowOptions {
  std::filesystem::path directory;
  bool json = false;
};

}  // namespace

void add_memreserve_command(CLI::App& app, int& status) {
  CLI::App* memreserve =
      app.add_subcommand("memreserve", "The LPI tables of a GICv3 and the EFI memreserve list");
  memreserve->require_subcommand(1);
  CLI::App* command = memreserve->add_subcommand(
      "show", "Print what each witness of a trial says of them; status 1 where two contradict each other");
  auto options = std::make_shared<ShowOptions>();
  command->add_option("DIR", options->directory, "a trial's directory")->required();
  command->add_flag("--json", options->json, "as JSON");
  command->callback([options, &status] {
    const auto result = show(options->directory, options->json);
    status = result ? *result : report_error(result.error());
  });
}

}  // namespace crashpath
