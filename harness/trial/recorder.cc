#include "harness/trial/recorder.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <sstream>

#include "harness/base/text.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/records.h"

namespace crashpath {

namespace json = boost::json;

Recorder::Recorder(std::filesystem::path directory) : directory_(std::move(directory)) {}

Result<Recorder> Recorder::create(std::filesystem::path directory) {
  CP_TRY(make_directories(directory));
  if (std::filesystem::exists(directory / evidence_file::kTimeline))
    return Error::usage(fmt::format("{} holds the evidence of another trial", directory.native()))
        .with_hint("evidence of two trials is never mixed: name another directory");
  Recorder recorder(std::move(directory));
  recorder.enter(Stage::image);
  if (recorder.failure_) return *recorder.failure_;
  return recorder;
}

double Recorder::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

void Recorder::append(std::string_view file, std::string_view text) {
  auto known = files_.find(file);
  if (known == files_.end()) {
    auto opened = open_file(directory_ / file, O_WRONLY | O_CREAT | O_APPEND);
    if (!opened) {
      if (!failure_) failure_ = opened.error();
      return;
    }
    known = files_.emplace(file, std::move(opened).value()).first;
  }
  const auto written = write_all(known->second.get(), text, (directory_ / file).native());
  if (!written && !failure_) failure_ = written.error();
}

void Recorder::enter(Stage stage) {
  stage_ = stage;
  append(evidence_file::kTimeline, to_json_line(TimelineStage{seconds(), stage}));
}

void Recorder::end(EndedBy by, std::string_view words) {
  if (std::exchange(ended_, true)) return;
  append(evidence_file::kTimeline, to_json_line(TimelineEnd{seconds(), by, printable(words)}));
}

Result<> Recorder::inherit(const std::filesystem::path& directory, double saved_at) {
  std::string console, agent;
  for (const RecordedLine& line :
       parse_console_record(CP_TRY(read_file(directory / evidence_file::kConsoleFirst))))
    console += fmt::format("{:10.3f} {}\n", line.seconds - saved_at, line.text);
  std::istringstream messages(CP_TRY(read_file(directory / evidence_file::kAgent)));
  for (std::string line; std::getline(messages, line);) {
    boost::system::error_code code;
    json::value entry = json::parse(line, code);
    if (code || !entry.is_object())
      return Error::host(fmt::format("{} holds what is no record of an agent", directory.native()));
    if (json::value* t = entry.get_object().if_contains("t"); t != nullptr && t->is_number())
      *t = t->to_number<double>() - saved_at;
    agent += json::serialize(entry) + "\n";
  }
  append(evidence_file::kConsoleFirst, console);
  append(evidence_file::kAgent, agent);
  return {};
}

void Recorder::console(Kernel kernel, std::string_view text) {
  append(kernel == Kernel::first ? evidence_file::kConsoleFirst : evidence_file::kConsoleSecond,
         fmt::format("{:10.3f} {}\n", seconds(), text));
}

void Recorder::agent(Kernel kernel, std::string_view line) {
  boost::system::error_code code;
  json::value message = json::parse(line, code);
  json::object entry{{"t", seconds()}, {"kernel", to_string(kernel)}};
  if (code || !message.is_object())
    entry["raw"] = printable(line);
  else
    entry["message"] = std::move(message);
  append(evidence_file::kAgent, json::serialize(entry) + "\n");
}

void Recorder::hypervisor(std::string_view event, const json::object& data) {
  append(evidence_file::kQmp,
         json::serialize(json::object{{"t", seconds()}, {"event", event}, {"data", data}}) + "\n");
}

void Recorder::moment(const json::object& about) {
  append(evidence_file::kMoments, json::serialize(about) + "\n");
}

void Recorder::store(std::string_view file, std::string_view content) {
  const auto written = write_file(directory_ / file, content);
  if (!written && !failure_) failure_ = written.error();
}

}  // namespace crashpath
