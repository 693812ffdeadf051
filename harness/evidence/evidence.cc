#include "harness/evidence/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/hex.hpp>
#include <charconv>

#include "harness/base/file.h"
#include "harness/evidence/core_headers.h"
#include "harness/evidence/device_state.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/first_kernel.h"
#include "harness/evidence/kernel_state.h"
#include "harness/evidence/page_hashes.h"
#include "harness/evidence/records.h"
#include "harness/evidence/saved_memory.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

/// What is worth reading once: an error is as good an answer the second time.
template <class T>
using Once = std::optional<Result<T>>;

template <class T>
Result<const T*> pointer_to(const Once<T>& cached) {
  if (!*cached) return cached->error();
  return &**cached;
}

constexpr std::size_t index_of(Kernel kernel) {
  return kernel == Kernel::first ? 0 : 1;
}

Result<boost::json::object> read_json_object(const std::filesystem::path& file) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(CP_TRY(read_file(file)), error);
  if (error || !value.is_object())
    return Error::host(fmt::format("{} is not a JSON object", file.filename().string()));
  return std::move(value.get_object());
}

Result<std::string> decode_hex(std::string_view hex, std::string_view what) {
  std::string bytes;
  try {
    boost::algorithm::unhex(hex.begin(), hex.end(), std::back_inserter(bytes));
  } catch (const boost::algorithm::hex_decode_error&) {
    return Error::guest(fmt::format("agent.jsonl: {} is not in hex", what));
  }
  return bytes;
}

bool has_text(const boost::json::value* list, std::string_view text) {
  if (list == nullptr || !list->is_array()) return false;
  const boost::json::array& array = list->get_array();
  return std::any_of(array.begin(), array.end(),
                     [text](const auto& item) { return item.is_string() && item.get_string() == text; });
}

}  // namespace

std::string_view to_string(Kernel kernel) {
  return kernel == Kernel::first ? "first" : "second";
}

struct Evidence::Cache {
  Once<boost::json::object> trial;
  std::array<Once<std::vector<RecordedLine>>, 2> console;
  std::array<Once<std::vector<boost::json::object>>, 2> agent;
  Once<std::unique_ptr<Vmcore>> vmcore;
  Once<CoreHeaders> headers;
  std::array<Once<PageHashes>, kMoments.size()> page_hashes;
  std::array<Once<DeviceState>, kMoments.size()> device_state;
  std::array<Once<SavedMemory>, kMoments.size()> saved_memory;
  // These read the vmcore and the saved memory above, so they have to go first.
  std::unique_ptr<const KernelState> kernel_state;
  std::array<std::unique_ptr<const KernelState>, kMoments.size()> kernel_states;
};

Evidence::Evidence(std::filesystem::path directory)
    : directory_(std::move(directory)), cache_(std::make_unique<Cache>()) {}
Evidence::~Evidence() = default;

bool Evidence::has(std::string_view file) const {
  std::error_code error;
  return std::filesystem::is_regular_file(path(file), error);
}

Result<const boost::json::object*> Evidence::trial() const {
  if (!cache_->trial) cache_->trial = read_json_object(path(evidence_file::kTrial));
  return pointer_to(cache_->trial);
}

Result<std::string> Evidence::architecture() const {
  const boost::json::value* value = CP_TRY(trial())->if_contains("arch");
  if (value == nullptr || !value->is_string()) return Error::host("trial.json has no \"arch\"");
  return std::string(value->get_string());
}

Result<const std::vector<RecordedLine>*> Evidence::console(Kernel kernel) const {
  auto& cached = cache_->console[index_of(kernel)];
  if (!cached) {
    auto text = read_file(
        path(kernel == Kernel::first ? evidence_file::kConsoleFirst : evidence_file::kConsoleSecond));
    if (text)
      cached = parse_console_record(*text);
    else
      cached = Result<std::vector<RecordedLine>>(text.error());
  }
  return pointer_to(cached);
}

Result<const std::vector<boost::json::object>*> Evidence::agent(Kernel kernel) const {
  auto& cached = cache_->agent[index_of(kernel)];
  if (!cached) {
    auto text = read_file(path(evidence_file::kAgent));
    if (text)
      cached = parse_agent_record(*text, kernel);
    else
      cached = Result<std::vector<boost::json::object>>(text.error());
  }
  return pointer_to(cached);
}

Result<const boost::json::object*> Evidence::last_message(Kernel kernel, std::string_view type) const {
  const auto& messages = *CP_TRY(agent(kernel));
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    const boost::json::value* value = message->if_contains("type");
    if (value != nullptr && value->is_string() && value->get_string() == type) return &*message;
  }
  return Error::guest(fmt::format("the agent in the {} kernel sent no {}", to_string(kernel), type));
}

Result<std::string> Evidence::reported(Kernel kernel, std::string_view member, std::string_view key) const {
  const auto& messages = *CP_TRY(agent(kernel));
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    const boost::json::value* group = message->if_contains(member);
    const boost::json::value* value =
        group != nullptr && group->is_object() ? group->get_object().if_contains(key) : nullptr;
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
  }
  return Error::guest(fmt::format("the agent in the {} kernel reported no {}", to_string(kernel), key));
}

Result<std::string> Evidence::guest_file(Kernel kernel, std::string_view path) const {
  return reported(kernel, "files", path);
}

Result<std::string> Evidence::guest_bytes(Kernel kernel, std::string_view path) const {
  return decode_hex(CP_TRY(reported(kernel, "hex", path)), path);
}

Result<std::uint64_t> Evidence::guest_symbol(Kernel kernel, std::string_view name) const {
  const auto reported_text = reported(kernel, "symbols", name);
  if (!reported_text && reported_missing(kernel, name))
    return Error(Fault::lacks,
                 fmt::format("symbol {} is not in the {} kernel's /proc/kallsyms (it has variables with "
                             "CONFIG_KALLSYMS_ALL only)",
                             name, to_string(kernel)));
  const std::string text = CP_TRY(reported_text);
  std::uint64_t address = 0;
  const char* digits = text.data() + (text.starts_with("0x") ? 2 : 0);
  const auto [end, error] = std::from_chars(digits, text.data() + text.size(), address, 16);
  if (error != std::errc() || end != text.data() + text.size() || address == 0)
    return Error::guest(fmt::format("the agent in the {} kernel reported '{}' as address of {}",
                                    to_string(kernel), text, name));
  return address;
}

bool Evidence::reported_missing(Kernel kernel, std::string_view name) const {
  const auto messages = agent(kernel);
  return messages && std::any_of((*messages)->begin(), (*messages)->end(), [name](const auto& message) {
           return has_text(message.if_contains("missing"), name);
         });
}

Result<CoreHeaders> Evidence::read_vmcore_headers() const {
  const auto& messages = *CP_TRY(agent(Kernel::second));
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    const boost::json::value* data = message->if_contains("data");
    const boost::json::value* hex =
        data != nullptr && data->is_object() ? data->get_object().if_contains("hex") : nullptr;
    if (hex == nullptr || !hex->is_string()) continue;
    const std::string bytes = CP_TRY(decode_hex(std::string_view(hex->get_string()), "vmcore.headers"));
    return parse_core_headers(std::as_bytes(std::span(bytes)));
  }
  return Error::guest("the agent in the second kernel sent no headers of /proc/vmcore");
}

Result<const CoreHeaders*> Evidence::vmcore_headers() const {
  if (!cache_->headers) cache_->headers = read_vmcore_headers();
  return pointer_to(cache_->headers);
}

Result<const PageHashes*> Evidence::page_hashes(Moment moment) const {
  auto& cached = cache_->page_hashes.at(static_cast<std::size_t>(moment));
  if (!cached) cached = read_page_hashes(path(evidence_file::page_hashes(moment)));
  return pointer_to(cached);
}

Result<const DeviceState*> Evidence::device_state(Moment moment) const {
  auto& cached = cache_->device_state.at(static_cast<std::size_t>(moment));
  if (!cached) cached = DeviceState::read(path(evidence_file::device_state(moment)));
  return pointer_to(cached);
}

Result<const SavedMemory*> Evidence::saved_memory(Moment moment) const {
  auto& cached = cache_->saved_memory.at(static_cast<std::size_t>(moment));
  const std::string file = evidence_file::saved_memory(moment);
  if (!cached) {
    const std::string why = CP_TRY(why_not_recorded(file));
    cached = why.empty()
                 ? SavedMemory::open(path(file))
                 : Result<SavedMemory>(Error(Fault::lacks, fmt::format("there is no {}: {}", file, why)));
  }
  return pointer_to(cached);
}

Result<const KernelState*> Evidence::kernel_state() const {
  const Vmcore& dump = *CP_TRY(vmcore());
  if (!cache_->kernel_state)
    cache_->kernel_state = first_kernel_in(dump, dump.architecture(), dump.vmcoreinfo(), *this);
  return cache_->kernel_state.get();
}

Result<const KernelState*> Evidence::kernel_state(Moment moment) const {
  const SavedMemory& memory = *CP_TRY(saved_memory(moment));
  auto& cached = cache_->kernel_states.at(static_cast<std::size_t>(moment));
  if (!cached) cached = first_kernel_in(memory, memory.architecture(), memory.vmcoreinfo(), *this);
  return cached.get();
}

Result<std::string> Evidence::why_not_recorded(std::string_view file) const {
  if (has(file) || !has(evidence_file::kMoments)) return std::string();
  for (const auto& lacking : parse_lacking_files(CP_TRY(read_file(path(evidence_file::kMoments)))))
    if (lacking.file == file) return lacking.words;
  return std::string();
}

Result<std::string_view> Evidence::vmcore_file() const {
  for (const std::string_view file : {evidence_file::kVmcoreKdump, evidence_file::kVmcoreElf}) {
    if (has(file)) return file;
  }
  return Error::guest("no dump was captured: there is neither vmcore.kdump nor vmcore");
}

Result<const Vmcore*> Evidence::vmcore() const {
  const std::string_view file = CP_TRY(vmcore_file());
  if (!cache_->vmcore) cache_->vmcore = Vmcore::open(path(file));
  return CP_TRY(pointer_to(cache_->vmcore))->get();
}

}  // namespace crashpath
