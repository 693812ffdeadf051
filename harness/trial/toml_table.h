#pragma once

// Strict reading of TOML tables: whatever is wrong is a usage error that begins with FILE:LINE:COLUMN, and a
// key that nobody asked for is an error too.

#include <toml++/toml.h>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/trial/check.h"

namespace crashpath {

/// The document as a table. `file` is what errors name.
Result<toml::table> parse_toml(std::string_view text, const std::filesystem::path& file);

/// One table of a document while it is read. Every getter marks its key as known; finish() refuses the rest.
/// The document and the file name must outlive it.
class TomlTable {
 public:
  TomlTable(const toml::table& table, const std::filesystem::path& file) : table_(&table), file_(&file) {}

  /// Nothing where the key does not stand; an error where its value has another type.
  Result<std::optional<bool>> boolean(std::string_view key);
  Result<std::optional<std::string>> string(std::string_view key);
  Result<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t least, std::int64_t most);
  Result<std::optional<std::vector<std::string>>> strings(std::string_view key);
  Result<std::optional<toml::date>> date(std::string_view key);
  Result<std::optional<TomlTable>> table(std::string_view key);
  Result<std::vector<TomlTable>> tables(std::string_view key);  ///< [[key]]; empty where there is none

  Result<std::string> required_string(std::string_view key);

  /// Values for `specs`, by their types; an error for a missing one that is required.
  Result<CheckParameters> parameters(const std::vector<ParameterSpec>& specs);

  /// An error for the first key that no getter asked for, with the one that was perhaps meant.
  Result<> finish() const;

  /// All keys that stand in the table, in the order of TOML++ (by name).
  std::vector<std::string> keys() const;

  int line() const { return static_cast<int>(table_->source().begin.line); }
  /// "FILE:LINE:COLUMN: MESSAGE", where `key` stands, or where the table begins when there is no such key.
  Error error(std::string_view key, std::string_view message,
              boost::source_location where = BOOST_CURRENT_LOCATION) const;

 private:
  template <class T>
  Result<std::optional<T>> value(std::string_view key, std::string_view type);
  Result<ParameterValue> parameter(const ParameterSpec& spec);
  const toml::node* find(std::string_view key);

  const toml::table* table_;
  const std::filesystem::path* file_;
  std::set<std::string, std::less<>> known_;
};

/// The candidate that `word` was perhaps meant to be, or an empty view when none is near.
std::string_view did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates);

/// "; did you mean X?" or nothing, for the end of a message.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace crashpath
