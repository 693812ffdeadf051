// JUnit XML as Jenkins, GitLab and others read it. A trial is a testcase with at most one failure, error or
// skipped.

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "harness/base/text.h"
#include "harness/report/formats.h"

namespace crashpath {
namespace {

std::string describe_checks(const Verdict& verdict) {
  std::string text;
  for (const auto& [name, result] : verdict.checks) {
    text += fmt::format("{:5} {}\n", to_string(result.outcome), name);
    if (result.outcome == Outcome::pass) continue;
    if (!result.expected.empty()) text += fmt::format("      expected: {}\n", printable(result.expected));
    text += fmt::format("      got: {}\n", printable(result.got));
    if (!result.evidence.empty()) text += fmt::format("      evidence: {}\n", printable(result.evidence));
  }
  return text;
}

void set(pugi::xml_node node, const char* name, std::string_view value) {
  node.append_attribute(name).set_value(std::string(value).c_str());
}

void add_testcase(pugi::xml_node suite, const TrialResult& trial) {
  const auto& verdict = trial.verdict;
  pugi::xml_node testcase = suite.append_child("testcase");
  set(testcase, "classname", fmt::format("crashpath.{}", trial.architecture));
  set(testcase, "name", trial.id);
  set(testcase, "time", fmt::format("{:.3f}", verdict.seconds));
  std::string checks = describe_checks(verdict);
  if (const auto& format = format_of(verdict.outcome); !format.junit_element.empty()) {
    pugi::xml_node element = testcase.append_child(std::string(format.junit_element).c_str());
    std::string message = printable(verdict.words);
    if (verdict.outcome == Outcome::xfail) message = "known issue: " + printable(verdict.known_issue);
    if (verdict.outcome == Outcome::xpass)
      message = "passed, although a known issue says that it fails: " + printable(verdict.known_issue);
    set(element, "message", message);
    if (verdict.outcome != Outcome::skip) set(element, "type", to_string(verdict.stage));
    element.text().set(std::exchange(checks, "").c_str());
  }
  pugi::xml_node output = testcase.append_child("system-out");
  output.text().set(fmt::format("kernel {}\n{}", printable(trial.kernel_release), checks).c_str());
}

}  // namespace

std::string to_junit(const Results& results) {
  std::map<std::string_view, int> elements;
  for (const auto& [outcome, number] : results.count()) elements[format_of(outcome).junit_element] += number;

  pugi::xml_document document;
  document.append_child(pugi::node_declaration).append_attribute("version").set_value("1.0");
  document.first_child().append_attribute("encoding").set_value("UTF-8");
  pugi::xml_node suites = document.append_child("testsuites");
  pugi::xml_node suite = suites.append_child("testsuite");
  for (auto node : {suites, suite}) {
    set(node, "name", "crashpath");
    set(node, "tests", fmt::format("{}", results.trials.size()));
    set(node, "failures", fmt::format("{}", elements["failure"]));
    set(node, "errors", fmt::format("{}", elements["error"]));
    set(node, "skipped", fmt::format("{}", elements["skipped"]));
    set(node, "time", fmt::format("{:.3f}", results.seconds));
  }
  set(suite, "timestamp", results.started.substr(0, results.started.find('Z')));
  for (const auto& trial : results.trials) add_testcase(suite, trial);

  std::ostringstream text;
  document.save(text, "  ");
  return text.str();
}

}  // namespace crashpath
