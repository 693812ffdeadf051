#include "harness/evidence/device_state.h"

#include <fmt/format.h>

#include <charconv>

#include "harness/base/file.h"
#include "harness/base/json_number.h"

namespace crashpath {
namespace {

namespace json = boost::json;

/// A device as decode_migration_stream() writes it.
bool is_device(const json::value& value) {
  const json::object* device = value.if_object();
  if (device == nullptr) return false;
  const json::value* name = device->if_contains("name");
  const json::value* fields = device->if_contains("fields");
  return name != nullptr && name->is_string() && number_member<std::uint64_t>(*device, "instance") &&
         fields != nullptr && fields->is_object();
}

std::string device_path(std::string_view name, std::uint64_t instance) {
  return instance == 0 ? std::string(name) : fmt::format("{}#{}", name, instance);
}

}  // namespace

DeviceField DeviceField::step(const json::value* value, std::string_view step) const {
  if (!exists()) return *this;  // its path ends with what is missing
  return {value != nullptr && value->is_null() ? nullptr : value, fmt::format("{}{}", path_, step)};
}

DeviceField DeviceField::at(std::string_view name) const {
  const json::object* fields = exists() ? value_->if_object() : nullptr;
  return step(fields == nullptr ? nullptr : fields->if_contains(name), fmt::format(".{}", name));
}

DeviceField DeviceField::operator[](std::size_t index) const {
  const json::array* elements = exists() ? value_->if_array() : nullptr;
  if (exists() && elements == nullptr && index == 0) return *this;
  return step(elements == nullptr ? nullptr : elements->if_contains(index), fmt::format("[{}]", index));
}

Error DeviceField::wrong(std::string_view kind) const {
  return Error::host(exists() ? fmt::format("the hypervisor's {} is no {}", path_, kind)
                              : fmt::format("the hypervisor has no {}", path_));
}

Result<std::uint64_t> DeviceField::number() const {
  if (!exists()) return wrong("number");
  boost::system::error_code not_whole;
  const auto number = value_->to_number<std::uint64_t>(not_whole);
  if (!not_whole) return number;
  // 64 bits are kept in hexadecimal.
  const json::string* text = value_->if_string();
  if (text == nullptr || !text->starts_with("0x")) return wrong("number");
  std::uint64_t wide = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data() + 2, end, wide, 16);
  if (error != std::errc() || stopped != end) return wrong("number");
  return wide;
}

Result<std::vector<DeviceField>> DeviceField::elements() const {
  const json::array* array = exists() ? value_->if_array() : nullptr;
  if (!exists() || (array != nullptr && array->empty())) return (*this)[0].wrong("element");
  const std::size_t count = array == nullptr ? 1 : array->size();
  std::vector<DeviceField> elements;
  for (std::size_t i = 0; i < count; ++i) elements.push_back((*this)[i]);
  return elements;
}

Result<bool> DeviceField::has(std::string_view name) const {
  if (!exists() || !value_->is_object()) return wrong("struct");
  return at(name).exists();
}

Result<DeviceState> DeviceState::from_json(json::value state) {
  const json::object* members = state.if_object();
  const json::value* schema = members == nullptr ? nullptr : members->if_contains("schema");
  const json::value* devices = members == nullptr ? nullptr : members->if_contains("devices");
  if (schema == nullptr || *schema != json::value(1) || devices == nullptr || !devices->is_array())
    return Error::host("not the devices' state, or of a version that is not known");
  for (const json::value& device : devices->get_array())
    if (!is_device(device)) return Error::host("a device of it lacks name, instance or fields");
  return DeviceState(std::move(state));
}

Result<DeviceState> DeviceState::read(const std::filesystem::path& file) {
  const std::string text = CP_TRY(read_file(file));
  boost::system::error_code error;
  auto state = from_json(json::parse(text, error));
  if (!state) return Error(std::move(state).error()).within(file.filename().string());
  return state;
}

std::map<std::uint64_t, DeviceField> DeviceState::find(std::string_view name) const {
  std::map<std::uint64_t, DeviceField> found;
  for (const json::value& device : state_.at("devices").get_array()) {
    if (std::string_view(device.at("name").get_string()) != name) continue;
    const auto instance = device.at("instance").to_number<std::uint64_t>();
    found.emplace(instance, DeviceField(&device.at("fields"), device_path(name, instance)));
  }
  return found;
}

DeviceField DeviceState::device(std::string_view name, std::uint64_t instance) const {
  const auto found = find(name);
  const auto device = found.find(instance);
  return device != found.end() ? device->second : DeviceField(nullptr, device_path(name, instance));
}

Result<std::map<std::uint64_t, DeviceField>> DeviceState::devices(std::string_view name) const {
  auto found = find(name);
  if (found.empty()) return Error::host(fmt::format("the hypervisor has no {}", name));
  return found;
}

}  // namespace crashpath
