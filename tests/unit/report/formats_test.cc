#include "harness/report/formats.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <pugixml.hpp>
#include <regex>
#include <sstream>

#include "harness/base/file.h"
#include "tests/unit/report/golden.h"
#include "tests/unit/report/sample_results.h"

namespace crashpath {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

/// What a format says of each trial, in the words of the table in formats.cc.
using Told = std::map<std::string, std::string>;

Told told_by_json(const std::string& text) {
  Told told;
  const json::value report = json::parse(text);
  for (const auto& trial : report.at("trials").as_array())
    told[trial.at("id").as_string().c_str()] = trial.at("outcome").as_string().c_str();
  return told;
}

Told told_by_ktap(const std::string& text) {
  const std::map<std::string, std::string> outcomes = {{"ok", "pass"},        {"not ok", "fail"},
                                                       {"ok XFAIL", "xfail"}, {"not ok XPASS", "xpass"},
                                                       {"ok SKIP", "skip"},   {"not ok ERROR", "error"}};
  const std::regex line_format("^(ok|not ok) [0-9]+ ([^ ]+)(?: # ([A-Z]+).*)?$");
  Told told;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (std::smatch match; std::regex_match(line, match, line_format))
      told[match[2]] = outcomes.at(match[1].str() + (match[3].matched ? " " + match[3].str() : ""));
  return told;
}

/// JUnit cannot tell xfail from skip, nor xpass from fail, but by the message.
Told told_by_junit(const std::string& text) {
  pugi::xml_document document;
  EXPECT_TRUE(document.load_string(text.c_str()));
  Told told;
  for (const auto& testcase : document.child("testsuites").child("testsuite").children("testcase")) {
    std::string outcome = "pass";
    if (testcase.child("error")) outcome = "error";
    if (const auto failure = testcase.child("failure"))
      outcome = std::string_view(failure.attribute("message").value()).starts_with("passed, although")
                    ? "xpass"
                    : "fail";
    if (const auto skipped = testcase.child("skipped"))
      outcome = std::string_view(skipped.attribute("message").value()).starts_with("known issue") ? "xfail"
                                                                                                  : "skip";
    told[testcase.attribute("name").value()] = outcome;
  }
  return told;
}

Told told_by_kcidb(const std::string& text) {
  Told told;
  const json::value report = json::parse(text);
  for (const auto& test : report.at("tests").as_array())
    told[test.at("id").as_string().c_str()] = test.at("status").as_string().c_str();
  return told;
}

TEST(Formats, AgreeOnEveryTrial) {
  const Results results = sample_results();
  const Told told = told_by_json(*to_format("json", results));
  EXPECT_EQ(told.size(), results.trials.size());
  EXPECT_EQ(told_by_ktap(to_ktap(results)), told);
  EXPECT_EQ(told_by_junit(to_junit(results)), told);
  std::set<std::string> outcomes;
  for (const auto& [id, outcome] : told) outcomes.insert(outcome);
  EXPECT_EQ(outcomes.size(), 6u) << "the sample has every outcome";
}

TEST(Formats, AreWrittenAndReadBack) {
  const std::filesystem::path directory = testing::TempDir() + "/formats-" + std::to_string(::getpid());
  std::filesystem::create_directories(directory);
  const Results results = sample_results();
  ASSERT_TRUE(write_reports(directory, results));
  const auto back = read_results(directory);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->to_json(), results.to_json());
  EXPECT_EQ(told_by_ktap(*read_file(directory / "results.ktap")),
            told_by_junit(*read_file(directory / "junit.xml")));
  std::filesystem::remove_all(directory);
}

TEST(Formats, InADirectoryThatIsGoneAreAHostError) {
  const auto written = write_reports("/nonexistent/run", sample_results());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().fault(), Fault::host);
}

TEST(Formats, AnUnknownOneIsAUsageError) {
  const auto text = to_format("html5", sample_results());
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().fault(), Fault::usage);
}

TEST(Ktap, Golden) {
  expect_golden("results.ktap", to_ktap(sample_results()));
}
TEST(Junit, Golden) {
  expect_golden("junit.xml", to_junit(sample_results()));
}

TEST(Ktap, KeepsItsLinesWhateverAGuestSays) {
  Results results = sample_results();
  results.trials.resize(1);
  results.trials[0].verdict.outcome = Outcome::error;
  results.trials[0].verdict.words = "line\nok 2 forged\x1b[31m";
  const std::string text = to_ktap(results);
  EXPECT_THAT(text, HasSubstr("not ok 1 arm64-6.12-panic.sysrq-1 # ERROR line ok 2 forged\n"));
  EXPECT_THAT(text, Not(HasSubstr("\nok 2 forged")));
}

TEST(Junit, CountsWhatItHolds) {
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(to_junit(sample_results()).c_str()));
  const auto suite = document.child("testsuites").child("testsuite");
  EXPECT_EQ(suite.attribute("tests").as_int(), 7);
  EXPECT_EQ(suite.attribute("failures").as_int(), 3);
  EXPECT_EQ(suite.attribute("errors").as_int(), 1);
  EXPECT_EQ(suite.attribute("skipped").as_int(), 2);
}

TEST(Junit, StaysXmlWhateverAGuestSays) {
  Results results = sample_results();
  results.trials[2].verdict.words = std::string("\x1b[2J\x00<&>\xff", 9);
  pugi::xml_document document;
  const std::string text = to_junit(results);
  ASSERT_TRUE(document.load_string(text.c_str()));
  EXPECT_THAT(text, HasSubstr("&lt;&amp;>"));
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << int{c};
}

TEST(Kcidb, HasWhatTheSchemaAsksFor) {
  const json::value report = json::parse(to_kcidb(sample_results()));
  EXPECT_EQ(report.at("version").at("major").as_int64(), 5);
  std::set<std::string> checkouts;
  std::set<std::string> builds;
  for (const auto& checkout : report.at("checkouts").as_array())
    checkouts.insert(checkout.at("id").as_string().c_str());
  for (const auto& build : report.at("builds").as_array()) {
    builds.insert(build.at("id").as_string().c_str());
    EXPECT_TRUE(checkouts.contains(build.at("checkout_id").as_string().c_str()));
    EXPECT_THAT(build.at("architecture").as_string().c_str(), testing::MatchesRegex("[a-z0-9_]*"));
  }
  const std::regex path("^([a-zA-Z0-9_-]+(\\.[a-zA-Z0-9_-]+)*)?$");
  for (const auto& test : report.at("tests").as_array()) {
    EXPECT_TRUE(builds.contains(test.at("build_id").as_string().c_str()));
    EXPECT_TRUE(std::regex_match(test.at("path").as_string().c_str(), path));
    EXPECT_EQ(test.at("origin").as_string(), "crashpath");
  }
  EXPECT_EQ(
      told_by_kcidb(to_kcidb(sample_results())).at("crashpath:2030-01-31T12-34-56/arm64-6.12-kexec.plain-1"),
      "MISS");
}

}  // namespace
}  // namespace crashpath
