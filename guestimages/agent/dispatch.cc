#include "guestimages/agent/dispatch.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>

#include "guestimages/agent/program.h"
#include "guestimages/agent/text.h"
#include "harness/agent/protocol.h"

namespace crashpath {
namespace {

/// An error as one line of a message.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return to_utf8(text);
}

void send_result(Session& session, const boost::json::value& id, const std::string& error,
                 boost::json::object data) {
  boost::json::object members{{"id", id}, {"ok", error.empty()}};
  if (!error.empty()) members["error"] = one_line(error);
  members["data"] = std::move(data);
  if (session.outbox.send("result", members)) return;
  members["ok"] = false;
  members["error"] = "the answer is longer than a line may be";
  members["data"] = boost::json::object{};
  session.outbox.send("result", members);
}

bool send_answer(Session& session, const boost::json::value& id, Answer& answer) {
  if (answer.type == "result") {
    send_result(session, id, answer.error, std::move(answer.data));
    return answer.error.empty();
  }
  answer.data["id"] = id;
  if (session.outbox.send(answer.type, answer.data)) return true;
  send_result(session, id,
              fmt::format("the {} is longer than a line may be: ask for less at a time", answer.type), {});
  return false;
}

void send_failed(Session& session, const boost::json::value& id, const std::string& error) {
  session.outbox.send("failed", {{"id", id}, {"error", one_line(error)}});
}

/// The error of a child that has ended.
Result<> how_it_ended(const Watched& child, int wait_status) {
  if (child.workload) return result_of(*child.workload, wait_status);
  if (WIFSIGNALED(wait_status))
    return Error::guest(fmt::format("killed by signal {}", WTERMSIG(wait_status)));
  if (const int exit_code = exit_code_of(wait_status); exit_code != 0)
    return Error::guest(std::strerror(exit_code));
  return {};
}

/// False when there was something to tell.
bool tell_end(Session& session, const Watched& child, int wait_status) {
  const auto ended = how_it_ended(child, wait_status);
  if (child.workload && child.is_trigger) {
    const std::string words = ended ? "the workload ended and nothing crashed" : ended.error().message();
    session.outbox.send("survived", {{"id", child.id}, {"reached", false}, {"words", one_line(words)}});
    return false;
  }
  if (!ended) send_failed(session, child.id, fmt::format("{}: {}", child.what, ended.error().message()));
  return static_cast<bool>(ended);
}

}  // namespace

bool handle_command(Session& session, boost::json::object command, const std::function<Result<>()>& flush) {
  const auto* given = command.if_contains("id");
  const boost::json::value id = given != nullptr ? *given : boost::json::value();
  command.erase("id");
  auto answer = run_command(session, id, std::move(command));
  if (!answer) {
    send_result(session, id, answer.error().message(), {});
    return false;
  }
  if (!send_answer(session, id, *answer)) return false;
  if (!answer->afterwards) return true;
  auto done = flush();
  if (done) done = answer->afterwards();
  if (!done) send_failed(session, id, done.error().message());
  return static_cast<bool>(done);
}

bool handle_line(Session& session, const LineBuffer::Line& line, const std::function<Result<>()>& flush) {
  if (line.too_long) {
    send_result(session, nullptr, fmt::format("a command of more than {} bytes", agent_protocol::max_line),
                {});
    return false;
  }
  boost::system::error_code code;
  auto command = boost::json::parse(line.text, code);
  if (code || !command.is_object()) {
    send_result(session, nullptr, "not a JSON object: " + line.text.substr(0, 200), {});
    return false;
  }
  return handle_command(session, std::move(command.get_object()), flush);
}

bool reap_children(Session& session) {
  bool all_is_well = true;
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto watched = std::find_if(session.watched.begin(), session.watched.end(),
                                      [pid](const Watched& child) { return child.pid == pid; });
    if (watched == session.watched.end()) continue;
    if (!tell_end(session, *watched, status)) all_is_well = false;
    session.watched.erase(watched);
  }
  return all_is_well;
}

}  // namespace crashpath
