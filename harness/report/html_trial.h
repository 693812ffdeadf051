#pragma once

// One trial's part of report.html.

#include <filesystem>
#include <pugixml.hpp>

#include "harness/report/results.h"

namespace crashpath {

/// "id" and "href" of a trial's part.
std::string html_anchor(const TrialResult& trial);

/// The stages of a trial as a bar; `longest` seconds are as wide as it gets.
void add_stage_bar(pugi::xml_node parent, const Verdict& verdict, double longest);

struct HtmlTrialOptions {
  double longest = 0;    ///< seconds of the longest trial of the page
  bool consoles = true;  ///< splats and the ends of the consoles
  bool memory = true;    ///< pictures of its memory
};
/// Everything about a trial: its words, stages, checks, what its directory has, and what to type.
void add_trial(pugi::xml_node parent, const TrialResult& trial, const std::filesystem::path& directory,
               const HtmlTrialOptions& options);

}  // namespace crashpath
