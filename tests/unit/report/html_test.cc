#include "harness/report/html.h"

#include <gmock/gmock.h>

#include <fstream>
#include <pugixml.hpp>

#include "harness/base/file.h"
#include "tests/corpus/trial_copy.h"
#include "tests/unit/report/sample_results.h"

namespace crashpath {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Not;

/// The page as a parser sees it: it is XML, too.
pugi::xml_document parse(const std::string& page) {
  pugi::xml_document document;
  const auto parsed =
      document.load_string(page.c_str(), pugi::parse_default | pugi::parse_doctype | pugi::parse_ws_pcdata);
  EXPECT_TRUE(parsed) << parsed.description() << " at " << page.substr(0, 200);
  return document;
}

std::string all_text(const pugi::xml_node& node) {
  std::string text;
  for (const auto& found : node.select_nodes(".//text()")) text += found.node().value();
  return text;
}

pugi::xml_node part_of(const pugi::xml_document& page, const std::string& id) {
  return page.select_node(("//details[@id='trial-" + id + "']").c_str()).node();
}

/// A run of one trial whose evidence is that of the corpus.
class HtmlOfEvidence : public testing::Test {
 protected:
  HtmlOfEvidence() : copy_("arm64-6.12") {
    TrialResult trial = sample_trial("panic.sysrq", Outcome::fail, Stage::second_kernel, "no sign of it");
    trial.id = copy_.directory().filename();
    enter_stages(trial.verdict);
    results_.trials = {trial};
  }
  std::string page() { return to_html(results_, copy_.directory().parent_path()).value(); }
  TrialResult& trial() { return results_.trials.front(); }

  TrialCopy copy_;
  Results results_;
};

TEST(Html, HasEveryTrialInItsTableAndAPartOfItsOwn) {
  const Results results = sample_results();
  const auto page = parse(to_html(results, "/runs/x").value());
  for (const TrialResult& trial : results.trials) {
    const std::string link = "//table[@class='outcomes']//a[@href='#trial-" + trial.id + "']";
    const auto cell = page.select_node(link.c_str()).node().parent();
    EXPECT_EQ(cell.attribute("class").value(), to_string(trial.verdict.outcome)) << trial.id;
    EXPECT_TRUE(part_of(page, trial.id)) << trial.id;
  }
  EXPECT_EQ(page.select_nodes("//table[@class='outcomes']//tr").size(), results.trials.size() + 1);
}

TEST(Html, SaysOfAFailureWhatWasExpectedAndHowToRunItAgain) {
  const auto page = parse(to_html(sample_results(), "/runs/x").value());
  const auto failed = part_of(page, "arm64-6.12-panic.oops-1");
  EXPECT_TRUE(failed.attribute("open"));
  const std::string text = all_text(failed);
  EXPECT_THAT(text, HasSubstr("every PT_LOAD inside of System RAM"));
  EXPECT_THAT(text, HasSubstr("0x0-0xffff outside of it, and 0x40000000-0x47ffffff twice"));
  EXPECT_THAT(text, HasSubstr("crashpath replay /runs/x/arm64-6.12-panic.oops-1\n"));
  EXPECT_FALSE(part_of(page, "arm64-6.12-panic.sysrq-1").attribute("open")) << "it passed";
}

TEST(Html, TrialsThatDidNotPassComeFirst) {
  const auto page = parse(to_html(sample_results(), "/runs/x").value());
  std::vector<std::string> ids;
  for (const auto& part : page.select_nodes("//details[@class='trial']"))
    ids.emplace_back(part.node().attribute("id").value());
  ASSERT_EQ(ids.size(), 7U);
  EXPECT_EQ(ids[5], "trial-arm64-6.12-panic.sysrq-1");
  EXPECT_EQ(ids[6], "trial-arm64-6.12-panic.nmi-1");
}

TEST(Html, BarsOfAllTrialsHaveOneScale) {
  Results results = sample_results();
  results.trials.resize(1);
  results.trials.push_back(results.trials[0]);
  results.trials[1].id = "arm64-6.12-panic.sysrq-2";
  for (auto& [stage, at] : results.trials[1].verdict.entered) at *= 2;
  results.trials[1].verdict.seconds *= 2;
  const auto page = parse(to_html(results, "/runs/x").value());
  const auto width = [&page](const std::string& id) {
    double sum = 0;
    for (const auto& bar : part_of(page, id).select_nodes("svg[@class='stages']/rect"))
      sum += bar.node().attribute("width").as_double();
    return sum;
  };
  EXPECT_NEAR(width("arm64-6.12-panic.sysrq-2"), 1000, 1);
  EXPECT_NEAR(width("arm64-6.12-panic.sysrq-1"), 500, 1);
}

TEST(Html, SeveralTrialsOfACellAreCountedByTheWorst) {
  Results results = sample_results();
  TrialResult again = results.trials[0];
  again.id = "arm64-6.12-panic.sysrq-2";
  again.verdict.outcome = Outcome::fail;
  results.trials = {results.trials[0], again};
  const auto page = parse(to_html(results, "/runs/x").value());
  const auto link = page.select_node("//td[@class='fail']/a[@href='#trial-arm64-6.12-panic.sysrq-2']").node();
  EXPECT_STREQ(link.child_value(), "1 of 2 fail");
}

TEST(Html, LoadsNothingAndRunsNothing) {
  const std::string page = to_html(sample_results(), "/runs/x").value();
  EXPECT_THAT(page, testing::StartsWith("<!DOCTYPE html>"));
  for (const char* reference : {"<script", "http:", "https:", " src=", "url(", "@import", "<link"})
    EXPECT_THAT(page, Not(HasSubstr(reference)));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST_F(HtmlOfEvidence, WhatAGuestWroteIsTextAndNeverMarkup) {
  const std::string hostile = "</pre><script>alert(1)</script><img src=x onerror='y'>\"&\x1b[31m\x01";
  std::ofstream(copy_.path("console-second.log"))
      << "     1.000 " << hostile << "\n     1.100 WARNING: CPU: 0 PID: 1 at " << hostile << "\n";
  trial().verdict.words = hostile;
  trial().kernel_release = hostile;
  trial().machine = {{"cpus", hostile}};
  trial().verdict.known_issue = hostile;
  trial().verdict.checks = {{hostile, CheckResult::fail(hostile, hostile, hostile)}};
  const std::string page = this->page();
  for (const char* markup : {"<script", "<img", "\x1b", "\x01"}) EXPECT_THAT(page, Not(HasSubstr(markup)));
  const auto parsed = parse(page);
  EXPECT_FALSE(parsed.select_node("//script|//img"));
  EXPECT_THAT(all_text(parsed), HasSubstr("</pre><script>alert(1)</script><img src=x onerror='y'>\"&?"));
}

TEST_F(HtmlOfEvidence, ShowsExhibitsAndOpensThoseInWhichSomethingIsWrong) {
  std::ofstream(copy_.path("exhibit-tables.txt")) << "   CPU0  <fine>\n";
  std::ofstream(copy_.path("exhibit-lists.txt")) << "list\n!! two entries\n";
  trial().exhibits = {"lists", "tables", "gone"};
  const auto parsed = parse(page());
  const auto shown = parsed.select_nodes("//details[@class='exhibit']");
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_STREQ(shown[0].node().child_value("summary"), "lists");
  EXPECT_TRUE(shown[0].node().attribute("open"));
  EXPECT_FALSE(shown[1].node().attribute("open"));
  EXPECT_STREQ(shown[1].node().child_value("pre"), "   CPU0  <fine>\n");
}

TEST_F(HtmlOfEvidence, HasTheEndsOfTheConsolesAndNoMore) {
  std::ofstream console(copy_.path("console-second.log"));
  for (int i = 0; i < 100; ++i) console << "     1.000 line " << i << "\n";
  console.close();
  const std::string text = all_text(parse(page()));
  EXPECT_THAT(text, HasSubstr("line 60\n"));
  EXPECT_THAT(text, HasSubstr("line 99\n"));
  EXPECT_THAT(text, Not(HasSubstr("line 59\n")));
  EXPECT_THAT(text, HasSubstr("second kernel's console (40 of 100 lines)"));
}

TEST_F(HtmlOfEvidence, NamesSplatsOfBothKernels) {
  std::ofstream(copy_.path("console-second.log"), std::ios::app)
      << "    20.000 [    1.0] BUG: scheduling while atomic: init/1/0x00000002\n";
  const std::string text = all_text(parse(page()));
  EXPECT_THAT(text, HasSubstr("panic of the first kernel, line "));
  EXPECT_THAT(text, HasSubstr("BUG: scheduling while atomic: init/1/0x00000002"));
}

TEST_F(HtmlOfEvidence, LinksWhatTheDirectoryHas) {
  copy_.remove("console-second.log");
  const auto parsed = parse(page());
  std::vector<std::string> links;
  for (const auto& link : parsed.select_nodes("//p[@class='files']/a/@href"))
    links.emplace_back(link.attribute().value());
  EXPECT_THAT(links, testing::Contains("./" + trial().id + "/console-first.log"));
  EXPECT_THAT(links, Each(Not(HasSubstr("console-second.log"))));
}

TEST_F(HtmlOfEvidence, OfASweepIsATableOfItsPoints) {
  const auto directory = copy_.directory().parent_path() / (trial().id + ".sweep");
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "sweep-summary.json")
      << R"({"schema":1,"guests":[{"guest":"arm64 6.12","points":[)"
      << R"({"row":"57 gic","column":"startup","trial":"arm64-6.12-panic.sysrq-1"},)"
      << R"({"row":"213 wq","column":"startup","trial":"arm64-6.12-other-1"}]}]})";
  const auto page = parse(to_html(sample_results(), directory).value());
  const auto row = [&page](const char* name) {
    return page.select_node((std::string("//table/tr[th='") + name + "']/td").c_str()).node();
  };
  EXPECT_STREQ(row("57 gic").attribute("class").value(), "pass");
  EXPECT_STREQ(row("213 wq").child_value(), "not run");
  EXPECT_FALSE(page.select_node("//table/tr[th='panic.sysrq']"));

  std::ofstream(directory / "sweep-summary.json") << R"({"guests":[{"guest":7}]})";
  const auto damaged = to_html(sample_results(), directory);
  ASSERT_FALSE(damaged);
  EXPECT_THAT(damaged.error().message(), HasSubstr("sweep-summary.json"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace crashpath
