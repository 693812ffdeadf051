// The command `report`: files and symbols of the guest.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "guestimages/agent/commands.h"
#include "guestimages/agent/kallsyms.h"
#include "guestimages/agent/text.h"
#include "harness/agent/protocol.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

/// At most `limit` bytes from the beginning of a file.
Result<std::string> read_beginning(const std::string& path, std::size_t limit) {
  const UniqueFd fd = CP_TRY(open_file(path, O_RDONLY));
  std::string content(limit, '\0');
  std::size_t have = 0;
  while (have < limit) {
    const ssize_t n = ::read(fd.get(), content.data() + have, limit - have);
    if (n < 0) return Error::from_errno("cannot read " + path);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  content.resize(have);
  return content;
}

using Encode = std::string (*)(std::string_view);

boost::json::object read_files(const std::vector<std::string>& paths, std::size_t limit, Encode encode,
                               boost::json::array& missing) {
  boost::json::object contents;
  for (const std::string& path : paths) {
    const auto content = read_beginning(path, limit);
    if (content)
      contents[path] = encode(*content);
    else
      missing.emplace_back(path);
  }
  return contents;
}

Result<boost::json::object> look_up(const std::vector<std::string>& names) {
  SymbolLookup symbols(names);
  if (symbols.complete()) return symbols.found();
  const UniqueFd fd = CP_TRY(open_file("/proc/kallsyms", O_RDONLY));
  std::string buffer(256 * 1024, '\0');
  while (!symbols.complete()) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n <= 0) break;
    symbols.append(std::string_view(buffer).substr(0, static_cast<std::size_t>(n)));
  }
  return symbols.found();
}

}  // namespace

Result<Answer> report(Session&, const boost::json::value&, Arguments arguments) {
  const auto files = CP_TRY(arguments.texts("files"));
  const auto hex = CP_TRY(arguments.texts("hex"));
  const auto symbols = CP_TRY(arguments.texts("symbols"));
  CP_TRY(arguments.nothing_else());

  Answer answer;
  answer.type = "report";
  boost::json::array missing;
  answer.data["files"] = read_files(files, agent_protocol::max_text, to_utf8, missing);
  answer.data["hex"] = read_files(hex, agent_protocol::max_hex, to_hex, missing);
  const boost::json::object found = CP_TRY(look_up(symbols));
  for (const std::string& name : symbols)
    if (!found.contains(name)) missing.emplace_back(name);
  answer.data["missing"] = std::move(missing);
  answer.data["symbols"] = found;
  return answer;
}

}  // namespace crashpath
