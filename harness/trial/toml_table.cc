#include "harness/trial/toml_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace crashpath {
namespace {

Error error_at(const std::filesystem::path& file, const toml::source_region& region, std::string_view message,
               const boost::source_location& where) {
  return Error::usage(
      fmt::format("{}:{}:{}: {}", file.native(), region.begin.line, region.begin.column, message), where);
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a floating point number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = a[i] == b[j] ? diagonal : 1 + std::min({diagonal, above, row[j]});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::string_view did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t least =
      1 + std::max<std::size_t>(1, word.size() / 3);  // more than a third wrong is another word
  for (const auto candidate : candidates)
    if (const std::size_t distance = edit_distance(word, candidate); distance < least) {
      least = distance;
      best = candidate;
    }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto meant = did_you_mean(word, candidates);
  return meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant);
}

Result<toml::table> parse_toml(std::string_view text, const std::filesystem::path& file) {
  try {
    return toml::parse(text, file.native());
  } catch (const toml::parse_error& error) {
    return error_at(file, error.source(), error.description(), BOOST_CURRENT_LOCATION);
  }
}

Error TomlTable::error(std::string_view key, std::string_view message, boost::source_location where) const {
  for (const auto& [name, node] : *table_)
    if (name.str() == key) return error_at(*file_, name.source(), message, where);
  return error_at(*file_, table_->source(), message, where);
}

const toml::node* TomlTable::find(std::string_view key) {
  known_.emplace(key);
  return table_->get(key);
}

template <class T>
Result<std::optional<T>> TomlTable::value(std::string_view key, std::string_view type) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::optional<T>();
  if (const auto found = node->value_exact<T>()) return std::optional<T>(*found);
  return error_at(*file_, node->source(),
                  fmt::format("\"{}\" must be {}, not {}", key, type, type_name(*node)),
                  BOOST_CURRENT_LOCATION);
}

Result<std::optional<bool>> TomlTable::boolean(std::string_view key) {
  return value<bool>(key, "true or false");
}

Result<std::optional<std::string>> TomlTable::string(std::string_view key) {
  return value<std::string>(key, "a string");
}

Result<std::optional<toml::date>> TomlTable::date(std::string_view key) {
  return value<toml::date>(key, "a date such as 2030-01-31, without quotes");
}

Result<std::optional<std::int64_t>> TomlTable::integer(std::string_view key, std::int64_t least,
                                                       std::int64_t most) {
  const auto found = CP_TRY(value<std::int64_t>(key, "an integer"));
  if (found && (*found < least || *found > most))
    return error(key, fmt::format("\"{}\" is {}, but must be {} to {}", key, *found, least, most));
  return found;
}

Result<std::optional<std::vector<std::string>>> TomlTable::strings(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::optional<std::vector<std::string>>();
  const toml::array* array = node->as_array();
  if (array == nullptr)
    return error_at(*file_, node->source(),
                    fmt::format("\"{}\" must be an array of strings, not {}", key, type_name(*node)),
                    BOOST_CURRENT_LOCATION);
  std::vector<std::string> all;
  for (const auto& element : *array) {
    const auto text = element.value_exact<std::string>();
    if (!text)
      return error_at(*file_, element.source(),
                      fmt::format("\"{}\" must hold strings only, not {}", key, type_name(element)),
                      BOOST_CURRENT_LOCATION);
    all.push_back(*text);
  }
  return std::optional(std::move(all));
}

Result<std::optional<TomlTable>> TomlTable::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::optional<TomlTable>();
  if (const auto* found = node->as_table()) return std::optional(TomlTable(*found, *file_));
  return error_at(*file_, node->source(),
                  fmt::format("\"{0}\" must be a table, [{0}], not {1}", key, type_name(*node)),
                  BOOST_CURRENT_LOCATION);
}

Result<std::vector<TomlTable>> TomlTable::tables(std::string_view key) {
  std::vector<TomlTable> all;
  const toml::node* node = find(key);
  if (node == nullptr) return all;
  const toml::array* array = node->as_array();
  if (array == nullptr || !array->is_homogeneous(toml::node_type::table))
    return error_at(*file_, node->source(), fmt::format("\"{0}\" must be an array of tables, [[{0}]]", key),
                    BOOST_CURRENT_LOCATION);
  for (const auto& element : *array) all.emplace_back(*element.as_table(), *file_);
  return all;
}

Result<std::string> TomlTable::required_string(std::string_view key) {
  auto found = CP_TRY(string(key));
  if (!found) return error(key, fmt::format("\"{}\" is missing", key));
  if (found->empty()) return error(key, fmt::format("\"{}\" is empty", key));
  return *std::move(found);
}

Result<ParameterValue> TomlTable::parameter(const ParameterSpec& spec) {
  if (std::holds_alternative<bool>(spec.example)) return ParameterValue(*CP_TRY(boolean(spec.name)));
  if (std::holds_alternative<std::int64_t>(spec.example))
    return ParameterValue(*CP_TRY(integer(spec.name, INT64_MIN, INT64_MAX)));
  if (std::holds_alternative<std::string>(spec.example)) return ParameterValue(*CP_TRY(string(spec.name)));
  return ParameterValue(*CP_TRY(strings(spec.name)));
}

Result<CheckParameters> TomlTable::parameters(const std::vector<ParameterSpec>& specs) {
  CheckParameters all;
  for (const auto& spec : specs) {
    if (find(spec.name) != nullptr)
      all[spec.name] = CP_TRY(parameter(spec));
    else if (spec.required)
      return error("", fmt::format("\"{}\" is missing: {}", spec.name, spec.help));
  }
  return all;
}

Result<> TomlTable::finish() const {
  for (const auto& [key, node] : *table_)
    if (!known_.contains(key.str()))
      return error(key.str(), fmt::format("unknown key \"{}\"{}", key.str(),
                                          suggestion(key.str(), {known_.begin(), known_.end()})));
  return {};
}

std::vector<std::string> TomlTable::keys() const {
  std::vector<std::string> all;
  for (const auto& [key, node] : *table_) all.emplace_back(key.str());
  return all;
}

}  // namespace crashpath
