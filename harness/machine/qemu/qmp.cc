#include "harness/machine/qemu/qmp.h"

#include <fmt/format.h>

namespace crashpath {

namespace json = boost::json;

namespace {

/// Text of a member, or nothing: what comes over a socket has the types it has.
std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

Qmp::Qmp(boost::asio::io_context& io, UniqueFd socket, Handler handler)
    : io_(io),
      handler_(std::move(handler)),
      channel_(io, std::move(socket),
               {.on_bytes = [this](std::string_view bytes) { take_bytes(bytes); },
                .on_end =
                    [this] {
                      if (broken_.empty()) broken_ = "QEMU closed its monitor";
                      if (handler_.on_end) handler_.on_end();
                    }}) {}

void Qmp::take_bytes(std::string_view bytes) {
  for (const auto& line : splitter_.feed(bytes))
    if (broken_.empty()) take_line(line);
}

void Qmp::take_line(std::string_view line) {
  if (handler_.on_line) handler_.on_line("in", line);
  if (line.size() >= kMaxLine)
    return fail(fmt::format("QEMU sent a message of more than {} bytes", kMaxLine));
  boost::system::error_code code;
  json::value value = json::parse(line, code);
  if (code || !value.is_object()) return fail(fmt::format("QEMU sent what is no QMP: {:.200}", line));
  take_object(std::move(value.as_object()));
}

void Qmp::take_object(json::object object) {
  if (object.contains("event")) {
    json::value* data = object.if_contains("data");
    HypervisorEvent event{.name = text_of(object, "event"), .data = {}};
    if (data != nullptr && data->is_object()) event.data = std::move(data->as_object());
    if (handler_.on_event) handler_.on_event(std::move(event));
    return;
  }
  if (id_ == 0 && object.contains("QMP")) {
    answer_ = std::move(object);
    return;
  }
  // An answer with another id is of a command whose deadline has passed.
  const json::value* id = object.if_contains("id");
  if (id != nullptr && id->is_int64() && id->as_int64() == id_) answer_ = std::move(object);
}

void Qmp::fail(std::string why) {
  broken_ = std::move(why);
  channel_.close();
  if (handler_.on_end) handler_.on_end();
}

Result<json::object> Qmp::await(std::string_view what, Clock::time_point deadline) {
  const auto began = Clock::now();
  while (!answer_) {
    if (!broken_.empty()) return Error::host(fmt::format("{}: {}", what, broken_));
    if (Clock::now() >= deadline) {
      const double waited = std::chrono::duration<double>(Clock::now() - began).count();
      return Error::host(fmt::format("{}: QEMU did not answer within {:.1f} s", what, waited));
    }
    io_.run_one_until(deadline);
  }
  json::object answer = std::move(*answer_);
  answer_.reset();
  return answer;
}

Result<> Qmp::negotiate(Clock::time_point deadline) {
  CP_TRY(await("QMP greeting", deadline));
  CP_TRY(execute("qmp_capabilities", {}, deadline));
  return {};
}

Result<json::value> Qmp::execute(std::string_view command, const json::object& arguments,
                                 Clock::time_point deadline) {
  return ask(command, arguments, std::nullopt, deadline);
}

Result<> Qmp::give_descriptor(std::string_view name, int fd, Clock::time_point deadline) {
  CP_TRY(ask("getfd", {{"fdname", name}}, fd, deadline));
  return {};
}

Result<json::value> Qmp::ask(std::string_view command, const json::object& arguments, std::optional<int> fd,
                             Clock::time_point deadline) {
  json::object request{{"execute", command}, {"id", ++id_}};
  if (!arguments.empty()) request["arguments"] = arguments;
  const std::string line = json::serialize(request);
  if (handler_.on_line) handler_.on_line("out", line);
  answer_.reset();
  if (!broken_.empty()) return Error::host(fmt::format("QMP {}: {}", command, broken_));
  CP_TRY(fd ? channel_.send_with_descriptor(line + "\n", *fd) : channel_.send(line + "\n"));
  json::object answer = CP_TRY(await(fmt::format("QMP {}", command), deadline));
  if (const json::value* error = answer.if_contains("error")) {
    const std::string words =
        error->is_object() ? text_of(error->as_object(), "desc") : json::serialize(*error);
    return Error::host(fmt::format("QMP {}: {}", command, words));
  }
  json::value* result = answer.if_contains("return");
  if (result == nullptr) return Error::host(fmt::format("QMP {}: an answer without a result", command));
  return std::move(*result);
}

}  // namespace crashpath
