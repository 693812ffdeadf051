#include "harness/report/formats.h"

#include <fmt/format.h>

#include <array>

#include "harness/base/file.h"

namespace crashpath {
namespace {

constexpr std::array kFormats = {
    OutcomeFormat{Outcome::pass, true, "", "", "PASS"},
    OutcomeFormat{Outcome::fail, false, "", "failure", "FAIL"},
    OutcomeFormat{Outcome::xfail, true, "XFAIL", "skipped", "FAIL"},
    OutcomeFormat{Outcome::xpass, false, "XPASS", "failure", "PASS"},
    OutcomeFormat{Outcome::skip, true, "SKIP", "skipped", "SKIP"},
    OutcomeFormat{Outcome::error, false, "ERROR", "error", "MISS"},
};

std::string to_json_text(const Results& results) {
  return boost::json::serialize(results.to_json()) + "\n";
}

struct Report {
  std::string_view format;
  std::string_view file;
  std::string (*write)(const Results&);
};

constexpr std::array kReports = {
    Report{"json", "results.json", to_json_text},
    Report{"ktap", "results.ktap", to_ktap},
    Report{"junit", "junit.xml", to_junit},
    Report{"kcidb", "kcidb.json", to_kcidb},
};

}  // namespace

const OutcomeFormat& format_of(Outcome outcome) {
  return kFormats.at(static_cast<std::size_t>(outcome));
}

Result<std::string> to_format(std::string_view format, const Results& results) {
  for (const auto& report : kReports)
    if (report.format == format) return report.write(results);
  return Error::usage(fmt::format(
      "unknown report format \"{}\"; there are terminal, html, json, ktap, junit and kcidb", format));
}

Result<> write_reports(const std::filesystem::path& run_directory, const Results& results) {
  for (const auto& report : kReports) CP_TRY(write_file(run_directory / report.file, report.write(results)));
  return {};
}

}  // namespace crashpath
