#include "guestimages/agent/script.h"

#include <fmt/format.h>

#include "harness/agent/protocol.h"

namespace crashpath {
namespace {

std::string_view text_of(const boost::json::object& line, std::string_view key) {
  const auto* value = line.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

Result<boost::json::object> parse_line(std::string_view text, int number) {
  boost::system::error_code code;
  const auto line = boost::json::parse(text, code);
  if (code || !line.is_object())
    return Error::usage(fmt::format("line {} of the script is not a JSON object", number));
  const std::string_view in = text_of(line.get_object(), "in");
  if (in != agent_protocol::first_kernel && in != agent_protocol::second_kernel)
    return Error::usage(fmt::format("line {} of the script has no \"in\": \"first\" or \"second\"", number));
  return line.get_object();
}

}  // namespace

Result<std::vector<boost::json::object>> script_commands(std::string_view text, std::string_view kernel,
                                                         int generation) {
  std::vector<boost::json::object> commands;
  int kernels_before = kernel == agent_protocol::first_kernel ? generation : 0;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto command = CP_TRY(parse_line(line, number));
    const std::string run(text_of(command, "run"));
    const bool ours =
        kernel == agent_protocol::first_kernel ? kernels_before == 0 : text_of(command, "in") == kernel;
    if (run == "kexec.exec") --kernels_before;
    if (!ours) continue;
    command.erase("in");
    commands.push_back(std::move(command));
    if (run == "trigger") break;
  }
  return commands;
}

}  // namespace crashpath
