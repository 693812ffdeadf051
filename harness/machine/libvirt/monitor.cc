#include "harness/machine/libvirt/monitor.h"

#include <fmt/format.h>
#include <libvirt/libvirt-qemu.h>

#include "harness/machine/libvirt/handles.h"

namespace crashpath::libvirt {

namespace json = boost::json;

Result<json::value> monitor_command(
    virDomainPtr domain, std::string_view name, const json::object& arguments, int fd,
    const std::function<void(std::string_view direction, std::string_view line)>& on_line) {
  json::object request{{"execute", name}};
  if (!arguments.empty()) request["arguments"] = arguments;
  const std::string line = json::serialize(request);
  if (on_line) on_line("out", line);
  char* text = nullptr;
  unsigned out_count = 0;
  int* out = nullptr;
  const int status =
      fd < 0 ? virDomainQemuMonitorCommand(domain, line.c_str(), &text, 0)
             : virDomainQemuMonitorCommandWithFiles(domain, line.c_str(), 1, &fd, &out_count, &out, &text, 0);
  const std::unique_ptr<char, Releaser<::free>> answer(text);
  if (status != 0 || !answer) return last_error(fmt::format("QMP {}", name));
  if (on_line) on_line("in", answer.get());
  boost::system::error_code code;
  json::value value = json::parse(answer.get(), code);
  if (code || !value.is_object()) return Error::host(fmt::format("QMP {}: an answer that is no JSON", name));
  if (json::value* result = value.as_object().if_contains("return")) return std::move(*result);
  const json::value* words = value.as_object().if_contains("error");
  return Error::host(
      fmt::format("QMP {}: {}", name, words != nullptr ? json::serialize(*words) : "no result"));
}

}  // namespace crashpath::libvirt
