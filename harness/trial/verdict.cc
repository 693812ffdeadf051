#include "harness/trial/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <regex>

#include "harness/base/text.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/hang.h"
#include "harness/evidence/timeline.h"
#include "harness/trial/excuse.h"
#include "harness/trial/json_members.h"
#include "harness/trial/triggers.h"

namespace crashpath {

namespace json = boost::json;

namespace {

struct ExpectedCheck {
  const Check* check;
  const CheckParameters* parameters;
};

/// The checks that a scenario expects, families written out. A check that is named by itself is not also run
/// as a member of its family: its parameters are meant.
std::vector<ExpectedCheck> expected_checks(const Scenario& scenario, const CheckRegistry& registry) {
  const auto named = [&](const std::string& name) {
    return std::any_of(scenario.expects.begin(), scenario.expects.end(),
                       [&](const ScenarioExpect& expect) { return expect.check == name; });
  };
  std::vector<ExpectedCheck> checks;
  for (const auto& expect : scenario.expects)
    for (const Check* check : registry.match(expect.check))
      if (check->name == expect.check || !named(check->name)) checks.push_back({check, &expect.parameters});
  return checks;
}

CheckResult run_check(const ExpectedCheck& expected, const Evidence& evidence) {
  CheckResult broken{Outcome::error, expected.check->summary, "", ""};
  try {
    auto result = expected.check->run(evidence, *expected.parameters);
    if (!result && result.error().fault() == Fault::lacks) return CheckResult::skip(result.error().message());
    if (!result) return CheckResult::fail(expected.check->summary, result.error().message(), "");
    const Outcome outcome = result->outcome;
    if (outcome == Outcome::pass || outcome == Outcome::fail || outcome == Outcome::skip)
      return *std::move(result);
    broken.got = fmt::format("the check came to \"{}\", which no check may", to_string(outcome));
  } catch (const std::exception& bug) {
    broken.got = fmt::format("the check has a bug: {}", bug.what());
  }
  return broken;
}

class Judge {
 public:
  Judge(const Evidence& evidence, const Scenario& scenario, const CheckRegistry& registry)
      : evidence_(evidence), scenario_(scenario), checks_(expected_checks(scenario, registry)) {}

  Verdict judge();

 private:
  void judge_end(const TimelineEnd& end);
  void judge_done();
  std::string words_of_hang();
  void judge_ended_by_guest(const std::string& words);
  void run_checks();
  void make_printable();
  void come_to(Outcome outcome, std::string words);
  std::optional<Stage> missing_stage() const;
  const NamedCheckResult* first(Outcome outcome) const;

  const Evidence& evidence_;
  const Scenario& scenario_;
  const std::vector<ExpectedCheck> checks_;
  Verdict verdict_;
};

Verdict Judge::judge() {
  const auto timeline = read_timeline(evidence_.path(evidence_file::kTimeline));
  if (!timeline) {
    come_to(Outcome::error, timeline.error().message());
  } else {
    for (const auto& entry : timeline->stages) {
      verdict_.entered.try_emplace(entry.stage, entry.seconds);
      verdict_.stage = entry.stage;
      verdict_.seconds = entry.seconds;
    }
    if (timeline->end)
      judge_end(*timeline->end);
    else
      come_to(Outcome::error, "the harness was ended before the trial: timeline.jsonl has no end");
  }
  make_printable();
  return std::move(verdict_);
}

/// What the vCPUs of a guest that got no further were doing.
std::string Judge::words_of_hang() {
  if (!evidence_.has(evidence_file::kHang)) return {};
  const auto hang = read_hang(evidence_);
  if (!hang) return "; what its CPUs did is not known: " + hang.error().message();
  verdict_.vcpus = hang->lines();
  return "; " + hang->words();
}

/// A guest has its say in words and results: nothing of it may break a report or reach a terminal as it is.
void Judge::make_printable() {
  verdict_.words = printable(verdict_.words);
  for (auto& line : verdict_.vcpus) line = printable(line);
  for (auto& [name, result] : verdict_.checks) {
    result.expected = printable(result.expected);
    result.got = printable(result.got);
    result.evidence = printable(result.evidence);
  }
}

void Judge::judge_end(const TimelineEnd& end) {
  verdict_.seconds = end.seconds;
  switch (end.by) {
    case EndedBy::host:
      return come_to(Outcome::error, end.words);
    case EndedBy::lacks:
      return come_to(Outcome::skip, end.words);
    case EndedBy::guest:
      return judge_ended_by_guest(end.words + words_of_hang());
    case EndedBy::done:
      return judge_done();
  }
}

void Judge::judge_done() {
  if (scenario_.ends)
    return come_to(Outcome::fail,
                   fmt::format("the trial reached its end, but should have ended in stage {} with \"{}\"",
                               to_string(scenario_.ends->stage), scenario_.ends->words));
  if (const auto missing = missing_stage())
    return come_to(Outcome::error,
                   fmt::format("timeline.jsonl says done, but stage {} was never entered: the evidence "
                               "contradicts itself",
                               to_string(*missing)));
  verdict_.stage = Stage::verify;
  run_checks();
  if (verdict_.outcome == Outcome::pass && first(Outcome::pass) == nullptr) {
    verdict_.outcome = Outcome::skip;
    verdict_.words =
        "no check could be made; " + verdict_.checks.front().name + ": " + verdict_.checks.front().result.got;
  }
}

void Judge::judge_ended_by_guest(const std::string& words) {
  if (!scenario_.ends) return come_to(Outcome::fail, words);
  const auto& ends = *scenario_.ends;
  if (verdict_.stage != ends.stage)
    return come_to(Outcome::fail, fmt::format("ended in stage {}, but should have ended in stage {}: {}",
                                              to_string(verdict_.stage), to_string(ends.stage), words));
  if (!std::regex_search(words, std::regex(ends.words, std::regex::ECMAScript)))
    return come_to(Outcome::fail,
                   fmt::format("ended in stage {} as it should, but \"{}\" is not in the words: {}",
                               to_string(ends.stage), ends.words, words));
  run_checks();
  if (verdict_.outcome == Outcome::pass) verdict_.words = words;
}

/// For an outcome that the checks have no part in.
void Judge::come_to(Outcome outcome, std::string words) {
  verdict_.outcome = outcome;
  verdict_.words = std::move(words);
  for (const auto& expected : checks_)
    verdict_.checks.push_back(
        {expected.check->name,
         CheckResult::skip(fmt::format("the trial ended in stage {}", to_string(verdict_.stage)))});
}

void Judge::run_checks() {
  for (const auto& expected : checks_)
    verdict_.checks.push_back({expected.check->name, run_check(expected, evidence_)});
  const auto describe = [](const NamedCheckResult& check) {
    return fmt::format("{}: expected {}, got {}", check.name, check.result.expected, check.result.got);
  };
  verdict_.outcome = Outcome::pass;
  // What broke in us says nothing for or against the kernel, but what failed beside it does.
  if (const auto* broken = first(Outcome::error)) {
    verdict_.outcome = Outcome::error;
    verdict_.words = fmt::format("{}: {}", broken->name, broken->result.got);
  }
  if (const auto* failed = first(Outcome::fail)) {
    verdict_.outcome = Outcome::fail;
    verdict_.words = describe(*failed);
  }
}

const NamedCheckResult* Judge::first(Outcome outcome) const {
  const auto found =
      std::find_if(verdict_.checks.begin(), verdict_.checks.end(),
                   [&](const NamedCheckResult& check) { return check.result.outcome == outcome; });
  return found == verdict_.checks.end() ? nullptr : &*found;
}

/// The stage that a trial of this scenario goes through when it is done, unless it was entered.
std::optional<Stage> Judge::missing_stage() const {
  Stage last = Stage::arm;
  if (scenario_.trigger) {
    const auto kind = find_trigger(scenario_.trigger->kind);
    const bool captures = kind && !kind->plain_kexec && scenario_.capture.capture;
    last = captures ? Stage::capture : Stage::second_kernel;
  }
  return verdict_.entered.contains(last) ? std::nullopt : std::optional(last);
}

std::string text_member(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string kernel_release(const json::object& trial) {
  const json::value* kernel = trial.if_contains("kernel");
  return kernel != nullptr && kernel->is_object() ? text_member(kernel->get_object(), "release")
                                                  : std::string();
}

}  // namespace

Verdict judge(const Evidence& evidence, const Scenario& scenario, const CheckRegistry& registry,
              const KnownIssues& known_issues) {
  Verdict verdict = Judge(evidence, scenario, registry).judge();
  if (const auto trial = evidence.trial())
    excuse(verdict, {scenario.name, text_member(**trial, "arch"), kernel_release(**trial)}, known_issues);
  return verdict;
}

Result<Verdict> judge_directory(const std::filesystem::path& directory, const CheckRegistry& registry,
                                const KnownIssues& known_issues) {
  const Evidence evidence(directory);
  if (!evidence.has(evidence_file::kTrial))
    return Error::usage(
               fmt::format("{} is no trial: it has no {}", directory.native(), evidence_file::kTrial))
        .with_hint("a run's trials are the directories below it");
  const json::object& trial = *CP_TRY(evidence.trial());
  JsonMembers members(trial, evidence_file::kTrial);
  std::string text = members.text("scenario_text");
  const std::string file = members.text_or("scenario_file", "scenario_text");
  CP_TRY(members.finish());
  const Scenario scenario = CP_TRY(parse_scenario(std::move(text), file, registry));
  return judge(evidence, scenario, registry, known_issues);
}

}  // namespace crashpath
