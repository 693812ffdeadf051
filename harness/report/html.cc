#include "harness/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/base/file.h"
#include "harness/report/html_style.h"
#include "harness/report/html_tree.h"
#include "harness/report/html_trial.h"
#include "harness/report/outcome_table.h"

namespace crashpath {
namespace {

constexpr int kMostPictures = 100;  ///< of memory: each needs some MiB read, and 50 KiB of the page

/// The worst first: what a cell with several trials is coloured by, and the order of the trials.
constexpr std::array kBySeverity = {Outcome::fail,  Outcome::xpass, Outcome::error,
                                    Outcome::xfail, Outcome::skip,  Outcome::pass};

auto severity(const TrialResult* trial) {
  return std::find(kBySeverity.begin(), kBySeverity.end(), trial->verdict.outcome);
}

bool is_well(Outcome outcome) {
  return outcome == Outcome::pass || outcome == Outcome::skip;
}

/// "pass 3.9 s", "fail handover", "2 of 3 fail".
std::string cell_text(const std::vector<const TrialResult*>& trials, const TrialResult& worst) {
  const Verdict& verdict = worst.verdict;
  if (trials.size() > 1) {
    const auto alike = std::count_if(trials.begin(), trials.end(), [&](const TrialResult* trial) {
      return trial->verdict.outcome == verdict.outcome;
    });
    return fmt::format("{} of {} {}", alike, trials.size(), to_string(verdict.outcome));
  }
  if (verdict.outcome == Outcome::skip) return "skip";
  if (verdict.outcome == Outcome::pass) return fmt::format("pass {:.1f} s", verdict.seconds);
  return fmt::format("{} {}", to_string(verdict.outcome), to_string(verdict.stage));
}

void add_cell(pugi::xml_node row, const std::vector<const TrialResult*>& trials) {
  if (trials.empty()) {
    html::text(html::element(row, "td", "none"), "not run");
    return;
  }
  const TrialResult& worst = **std::min_element(
      trials.begin(), trials.end(),
      [](const TrialResult* a, const TrialResult* b) { return severity(a) < severity(b); });
  const pugi::xml_node cell = html::element(row, "td", to_string(worst.verdict.outcome));
  const pugi::xml_node link = html::element(cell, "a");
  html::attribute(link, "href", "#" + html_anchor(worst));
  if (!worst.verdict.words.empty()) html::attribute(link, "title", worst.verdict.words);
  html::text(link, cell_text(trials, worst));
}

void add_table(pugi::xml_node parent, const OutcomeTable& table) {
  if (!table.title.empty()) html::text(html::element(parent, "h2"), table.title);
  const pugi::xml_node node = html::element(parent, "table", "outcomes");
  const pugi::xml_node head = html::element(node, "tr");
  html::element(head, "th");
  for (const auto& column : table.columns) html::text(html::element(head, "th"), column);
  for (const auto& name : table.rows) {
    const pugi::xml_node row = html::element(node, "tr");
    html::text(html::element(row, "th"), name);
    for (const auto& column : table.columns) {
      const auto cell = table.cells.find({name, column});
      if (cell == table.cells.end())
        html::element(row, "td");  // a sweep has no such point
      else
        add_cell(row, cell->second);
    }
  }
}

/// The document's frame. Nothing is loaded from anywhere, and nothing runs.
pugi::xml_node add_body(pugi::xml_document& document, const Results& results) {
  document.append_child(pugi::node_doctype).set_value("html");
  const pugi::xml_node page = document.append_child("html");
  html::attribute(page, "lang", "en");
  const pugi::xml_node head = html::element(page, "head");
  html::attribute(html::element(head, "meta"), "charset", "utf-8");
  const pugi::xml_node policy = html::element(head, "meta");
  html::attribute(policy, "http-equiv", "Content-Security-Policy");
  html::attribute(policy, "content", "default-src 'none'; style-src 'unsafe-inline'");
  const pugi::xml_node viewport = html::element(head, "meta");
  html::attribute(viewport, "name", "viewport");
  html::attribute(viewport, "content", "width=device-width, initial-scale=1");
  html::text(html::element(head, "title"), fmt::format("crashpath {}", results.run));
  html::text(html::element(head, "style"), kHtmlStyle);
  return html::element(page, "body");
}

void add_summary(pugi::xml_node body, const Results& results) {
  html::text(html::element(body, "h1"), fmt::format("crashpath {}", results.run));
  const pugi::xml_node line = html::element(body, "p", "summary");
  for (const auto& [outcome, number] : results.count()) {
    html::text(html::element(line, "span", fmt::format("outcome {}", to_string(outcome))),
               fmt::format("{} {}", number, to_string(outcome)));
    html::text(line, " ");
  }
  html::text(line, fmt::format("of {} trials in {:.1f} s, begun {}, exit status {}", results.trials.size(),
                               results.seconds, results.started, exit_status(results)));
}

void add_stage_legend(pugi::xml_node body) {
  const pugi::xml_node line = html::text(html::element(body, "p", "note"), "stages:");
  for (const Stage stage : kStages) {
    html::text(line, " ");
    html::element(line, "span", fmt::format("swatch s{}", static_cast<int>(stage)));
    html::text(line, fmt::format(" {}", to_string(stage)));
  }
}

/// Those that did not go well first; the rest in the run's order.
void add_trials(pugi::xml_node body, const Results& results, const std::filesystem::path& directory) {
  std::vector<const TrialResult*> all;
  double longest = 0;
  for (const TrialResult& trial : results.trials) {
    all.push_back(&trial);
    longest = std::max(longest, trial.verdict.seconds);
  }
  std::stable_partition(all.begin(), all.end(),
                        [](const TrialResult* trial) { return !is_well(trial->verdict.outcome); });
  int pictures = 0;
  html::text(html::element(body, "h2"), "Trials");
  add_stage_legend(body);
  for (const TrialResult* trial : all)
    add_trial(body, *trial, directory / trial->id,
              {.longest = longest,
               .consoles = !is_well(trial->verdict.outcome),
               .memory = pictures++ < kMostPictures});
}

}  // namespace

Result<std::string> to_html(const Results& results, const std::filesystem::path& run_directory) {
  pugi::xml_document document;
  const pugi::xml_node body = add_body(document, results);
  add_summary(body, results);
  auto tables = CP_TRY(tables_of_sweep(results, run_directory));
  if (tables.empty()) tables.push_back(table_of_scenarios(results));
  for (const OutcomeTable& table : tables) add_table(body, table);
  add_trials(body, results, run_directory);
  return html::serialize(document);
}

Result<> write_html_report(const std::filesystem::path& run_directory, const Results& results) {
  return write_file(run_directory / "report.html", CP_TRY(to_html(results, run_directory)));
}

}  // namespace crashpath
