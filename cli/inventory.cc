// crashpath inventory DIR [DIR]: which RTAS and hypervisor calls a crash makes; of two, what one does and the
// other does not.

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/errors.h"
#include "crashpaths/inventory/inventory.h"

namespace crashpath {
namespace {

struct InventoryOptions {
  std::vector<std::filesystem::path> directories;
  bool json = false;
};

Result<int> show(const InventoryOptions& options) {
  std::vector<Inventory> inventories;
  for (const auto& directory : options.directories)
    inventories.push_back(CP_TRY(read_inventory(Evidence(directory))));
  const Inventory& first = inventories.front();
  if (inventories.size() == 1) {
    fmt::print("{}", options.json ? boost::json::serialize(to_json(first)) + "\n" : to_text(first));
    return kSuccess;
  }
  const Inventory& second = inventories.back();
  fmt::print("{}",
             options.json ? boost::json::serialize(to_json(first, second)) + "\n" : to_text(first, second));
  return same_calls(compare(first, second)) ? kSuccess : kFailure;
}

}  // namespace

void add_inventory_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "inventory",
      "Which RTAS and hypervisor calls a pseries crash makes; status 1 where two kernels differ");
  auto options = std::make_shared<InventoryOptions>();
  command->add_option("DIR", options->directories, "one or two trials of rtas.calls-xics or rtas.calls-xive")
      ->required()
      ->expected(1, 2);
  command->add_flag("--json", options->json, "as JSON");
  command->callback([options, &status] {
    const auto result = show(*options);
    status = result ? *result : report_error(result.error());
  });
}

}  // namespace crashpath
