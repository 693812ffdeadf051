#include "memreserve/callback_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "harness/evidence/directory.h"

namespace crashpath {
namespace {

constexpr std::string_view kProbe = "crashpath: memreserve_context: ";
/// std::regex needs stack for every character; the probe's lines are shorter.
constexpr std::size_t kLongestCall = 400;

std::optional<CallbackContext> parse_call(const std::string& text) {
  static const std::regex call(
      "memreserve_context: (reserve|free) cpu=([0-9]{1,4}) task=([^ ]{1,32}) base=0x([0-9a-f]{1,16}) .*"
      "atomic=([01]) .*caller=([^ ]{1,100})");
  std::smatch groups;
  if (!std::regex_search(text, groups, call)) return std::nullopt;
  return CallbackContext{.frees = groups[1] == "free",
                         .cpu = std::stoi(groups[2]),
                         .task = groups[3],
                         .base = std::stoull(groups[4], nullptr, 16),
                         .atomic = groups[5] == "1",
                         .caller = groups[6],
                         .evidence = {}};
}

std::string words_of(const CallbackContext& call) {
  return fmt::format("CPU{} {} {:#x} in task {}, from {}, {} ({})", call.cpu,
                     call.frees ? "frees" : "reserves", call.base, call.task, call.caller,
                     call.atomic ? "atomic" : "may sleep", call.evidence);
}

}  // namespace

Result<CallbackContexts> read_callback_context(const Evidence& evidence) {
  CallbackContexts contexts;
  for (const Kernel kernel : {Kernel::first, Kernel::second}) {
    const std::string_view file =
        kernel == Kernel::first ? evidence_file::kConsoleFirst : evidence_file::kConsoleSecond;
    if (!evidence.has(file)) continue;
    for (const RecordedLine& line : *CP_TRY(evidence.console(kernel))) {
      const std::size_t at = line.text.find(kProbe);
      if (at == std::string::npos) continue;
      const std::string text = line.text.substr(at, kLongestCall);
      contexts.armed = contexts.armed || text.starts_with(fmt::format("{}armed", kProbe));
      if (auto call = parse_call(text)) {
        call->evidence = fmt::format("{}:{}", file, line.number);
        contexts.calls.push_back(*std::move(call));
      }
    }
  }
  return contexts;
}

CheckResult judge_callback_context(const CallbackContexts& contexts) {
  const std::string expected = "whoever reserves or frees a pending table may sleep";
  if (!contexts.armed)
    return CheckResult::fail(expected, "the probe memreserve_context said nothing",
                             evidence_file::kConsoleFirst);
  if (contexts.calls.empty())
    return CheckResult::fail(expected, "the probe saw nothing reserved or freed",
                             evidence_file::kConsoleFirst);
  for (const CallbackContext& call : contexts.calls)
    if (call.atomic) return CheckResult::fail(expected, words_of(call), call.evidence);
  return CheckResult::pass(
      expected, fmt::format("{} calls, such as: {}", contexts.calls.size(), words_of(contexts.calls.front())),
      contexts.calls.front().evidence);
}

}  // namespace crashpath
