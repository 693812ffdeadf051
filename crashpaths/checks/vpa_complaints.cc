// vpa.complaints: what the kernels and the hypervisor say of registering VPAs.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/algorithm/string.hpp>

#include <algorithm>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vpa_checks.h"
#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

/// arch/powerpc/platforms/pseries: lpar.c vpa_init(), register_dtl_buffer(); kexec.c
/// pseries_kexec_cpu_down().
const std::regex& kernels_words() {
  static const std::regex words(R"((VPA|SLB shadow buffer|DTL) (de)?registration .*failed)");
  return words;
}

/// QEMU: hw/ppc/spapr_hcall.c logs a call that it refuses with the function's name; hw/ppc/spapr.c
/// spapr_cpu_exec_enter() and _exit(): somebody else wrote to a yield_count ("VPA: incorrect dispatch counter
/// value for dispatched partition 4711, correcting.").
const std::regex& hypervisors_words() {
  static const std::regex words(
      "(^|[^a-z_])(de)?register_(vpa|slb_shadow|dtl): |VPA: incorrect dispatch counter");
  return words;
}

void find_lines(std::string_view text, const std::regex& words, std::string_view file,
                std::vector<std::string>& found) {
  std::vector<std::string> lines;
  boost::split(lines, text, boost::is_any_of("\n"));
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (std::regex_search(lines[i], words)) found.push_back(fmt::format("{}:{}: {}", file, i + 1, lines[i]));
}

/// Whether QEMU was told to write down what it refuses (`-d guest_errors`), by host.json.
Result<bool> hypervisor_was_asked(const Evidence& evidence) {
  boost::system::error_code error;
  const auto host = boost::json::parse(CP_TRY(read_file(evidence.path(evidence_file::kHost))), error);
  const auto* argv = !error && host.is_object() ? host.get_object().if_contains("argv") : nullptr;
  if (argv == nullptr || !argv->is_array()) return false;
  const auto& words = argv->get_array();
  return std::any_of(words.begin(), words.end(), [](const boost::json::value& word) {
    return word.is_string() &&
           std::string_view(word.get_string()).find("guest_errors") != std::string_view::npos;
  });
}

Result<CheckResult> complaints(const Evidence& evidence, const CheckParameters&) {
  const std::string reason = CP_TRY(no_vpas_because(evidence, {}));
  if (!reason.empty()) return CheckResult::skip(reason);
  if (!CP_TRY(hypervisor_was_asked(evidence)))
    return CheckResult::skip("this machine's hypervisor does not write down what it refuses");
  std::vector<std::string> found;
  find_lines(CP_TRY(read_file(evidence.path(evidence_file::kQemuLog))), hypervisors_words(),
             evidence_file::kQemuLog, found);
  std::string files = fmt::format("{}, console-*.log", evidence_file::kQemuLog);
  for (const Kernel kernel : {Kernel::first, Kernel::second})
    for (const RecordedLine& line : *CP_TRY(evidence.console(kernel)))
      if (std::regex_search(line.text, kernels_words()))
        found.push_back(fmt::format("{}: {}", console_line(kernel, line), line.text));
  // From 6.1 on what the crash path prints is in the dump's log only.
  if (const auto file = evidence.vmcore_file()) {
    const Vmcore& vmcore = *CP_TRY(evidence.vmcore());
    find_lines(CP_TRY(vmcore.dmesg()), kernels_words(), "the dump's log", found);
    files += fmt::format(", {}", *file);
  }
  const std::string expected =
      "neither a kernel nor the hypervisor complains of registering or deregistering VPAs";
  if (found.empty()) return CheckResult::pass(expected, "nothing", files);
  return CheckResult::fail(expected, fmt::format("{}", fmt::join(found, "; ")), files);
}

}  // namespace

Check vpa_complaints_check() {
  return {"vpa.complaints",
          "Neither a kernel nor the hypervisor complains of registering or deregistering VPAs",
          {},
          complaints};
}

}  // namespace crashpath
