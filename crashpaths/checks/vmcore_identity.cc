#include <fmt/format.h>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vmcore_checks.h"
#include "harness/base/json_number.h"
#include "harness/evidence/core_headers.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

/// capture.format of trial.json: "kdump" or "elf".
std::string asked_format(const boost::json::object& trial) {
  const boost::json::value* capture = trial.if_contains("capture");
  const boost::json::value* format =
      capture != nullptr && capture->is_object() ? capture->get_object().if_contains("format") : nullptr;
  return format != nullptr && format->is_string() ? std::string(format->get_string()) : std::string();
}

/// What makedumpfile said of a kernel that it refused, shortened to what names the reason.
std::string refusal(const Evidence& evidence) {
  const auto answer = evidence.last_message(Kernel::second, "result");
  const boost::json::value* data = answer ? (*answer)->if_contains("data") : nullptr;
  const boost::json::value* output =
      data != nullptr && data->is_object() ? data->get_object().if_contains("output") : nullptr;
  if (output == nullptr || !output->is_string()) return "";
  const std::string_view text = output->get_string();
  return std::string(text.substr(0, text.find('\n')));
}

Result<CheckResult> vmcore_format(const Evidence& evidence, const CheckParameters&) {
  if (!evidence.has(evidence_file::kVmcoreElf) && !evidence.has(evidence_file::kVmcoreKdump)) {
    const boost::json::value* error =
        CP_TRY(evidence.last_message(Kernel::second, "result"))->if_contains("error");
    return CheckResult::fail("a dump",
                             error != nullptr && error->is_string()
                                 ? fmt::format("none: {}", std::string_view(error->get_string()))
                                 : std::string("none"),
                             evidence_file::kAgent);
  }
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  const Vmcore& vmcore = *CP_TRY(evidence.vmcore());
  const bool arm64 = CP_TRY(evidence.architecture()) == "arm64";
  const std::string_view format = file == evidence_file::kVmcoreKdump ? "diskdump" : "elf";
  const std::string_view architecture = arm64 ? "aarch64" : "ppc64";
  const std::string expected =
      fmt::format("{} is a dump of format {}, architecture {}, with pages in it", file, format, architecture);
  std::uint64_t pages = 0;
  for (auto pfn = vmcore.next_page(0); pfn; pfn = vmcore.next_page(*pfn + 1)) ++pages;
  std::string got =
      fmt::format("format {}, architecture {}, {} pages of {}, {} CPUs", vmcore.format(),
                  vmcore.architecture(), pages, human_size(vmcore.page_size()), vmcore.cpus().size());
  if (asked_format(*CP_TRY(evidence.trial())) == "kdump" && format == "elf")
    got += fmt::format("; kdump was asked for, makedumpfile refused this kernel: {}", refusal(evidence));
  const bool good = vmcore.format() == format && vmcore.architecture() == architecture && pages > 0;
  return good ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

Result<CheckResult> vmcoreinfo(const Evidence& evidence, const CheckParameters&) {
  const Vmcoreinfo& info = CP_TRY(evidence.vmcore())->vmcoreinfo();
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  const boost::json::object& hello = *CP_TRY(evidence.last_message(Kernel::first, "hello"));
  const auto id =
      build_id(CP_TRY(parse_notes(CP_TRY(evidence.guest_bytes(Kernel::first, "/sys/kernel/notes")))));
  if (!id) return Error::guest("the first kernel's /sys/kernel/notes has no build id");
  const auto page_size = number_member<std::uint64_t>(hello, "page_size");
  const boost::json::value* release = hello.if_contains("release");
  if (!page_size || release == nullptr || !release->is_string())
    return Error::guest("the first kernel's hello has no release and page_size");

  const auto text = [](std::string_view release, std::string_view build, std::string_view size) {
    return fmt::format("OSRELEASE={} BUILD-ID={} PAGESIZE={}", release, build, size);
  };
  const std::string expected =
      text(std::string_view(release->get_string()), *id, fmt::format("{}", *page_size));
  const std::string got =
      text(info.value("OSRELEASE").value_or("(none)"), info.value("BUILD-ID").value_or("(none)"),
           info.value("PAGESIZE").value_or("(none)"));
  return got == expected ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

}  // namespace

Check vmcore_format_check() {
  return {"vmcore.format",
          "The dump can be read and is of the format and architecture asked for",
          {},
          vmcore_format};
}

Check vmcore_vmcoreinfo_check() {
  return {"vmcore.vmcoreinfo",
          "VMCOREINFO's release, build id and page size are the crashed kernel's",
          {},
          vmcoreinfo};
}

}  // namespace crashpath
