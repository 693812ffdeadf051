#include "guestimages/agent/arguments.h"

#include <fmt/format.h>

namespace crashpath {
namespace {

Error missing(std::string_view name) {
  return Error::guest(fmt::format("argument '{}' is missing", name));
}
Error wrong(std::string_view name, std::string_view wanted) {
  return Error::guest(fmt::format("argument '{}' must be {}", name, wanted));
}

}  // namespace

std::optional<boost::json::value> Arguments::take(std::string_view name) {
  const auto found = members_.find(name);
  if (found == members_.end()) return std::nullopt;
  auto value = std::move(found->value());
  members_.erase(found);
  return value;
}

Result<std::string> Arguments::text(std::string_view name) {
  const auto value = take(name);
  if (!value) return missing(name);
  if (!value->is_string()) return wrong(name, "a string");
  return std::string(value->get_string());
}

Result<std::string> Arguments::text_or(std::string_view name, std::string_view otherwise) {
  if (!members_.contains(name)) return std::string(otherwise);
  return text(name);
}

Result<std::optional<std::int64_t>> Arguments::optional_number(std::string_view name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  if (!value->is_int64()) return wrong(name, "a whole number");
  return value->get_int64();
}

Result<std::int64_t> Arguments::number(std::string_view name) {
  const auto value = CP_TRY(optional_number(name));
  if (!value) return missing(name);
  return *value;
}

Result<bool> Arguments::flag_or(std::string_view name, bool otherwise) {
  const auto value = take(name);
  if (!value) return otherwise;
  if (!value->is_bool()) return wrong(name, "true or false");
  return value->get_bool();
}

Result<Arguments> Arguments::object(std::string_view name) {
  auto value = take(name);
  if (!value) return missing(name);
  if (!value->is_object()) return wrong(name, "an object");
  return Arguments(std::move(value->get_object()));
}

Result<std::vector<std::string>> Arguments::texts(std::string_view name) {
  const auto value = take(name);
  if (!value) return std::vector<std::string>{};
  if (!value->is_array()) return wrong(name, "an array of strings");
  std::vector<std::string> texts;
  for (const auto& item : value->get_array()) {
    if (!item.is_string()) return wrong(name, "an array of strings");
    texts.emplace_back(item.get_string());
  }
  return texts;
}

Result<> Arguments::nothing_else() const {
  if (members_.empty()) return {};
  return Error::guest(fmt::format("argument '{}' is unknown", std::string_view(members_.begin()->key())));
}

}  // namespace crashpath
