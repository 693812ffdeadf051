#include "guestimages/agent/port.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "guestimages/agent/text.h"
#include "guestimages/agent/uevents.h"

namespace crashpath {
namespace {

constexpr const char* class_directory = "/sys/class/virtio-ports";

Error no_port(std::string_view name, std::chrono::milliseconds waited) {
  std::string others;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(class_directory, ignored)) {
    const auto other = read_file(entry.path() / "name");
    others += fmt::format(" {} ({})", entry.path().filename().native(), other ? trim_end(*other) : "no name");
  }
  return Error::guest(fmt::format("no virtio-serial port named {} after {} ms; there are:{}", name,
                                  waited.count(), others.empty() ? " none" : others));
}

}  // namespace

std::optional<std::filesystem::path> find_port(const std::filesystem::path& directory,
                                               std::string_view name) {
  std::error_code ignored;  // no directory: no driver yet
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const auto text = read_file(entry.path() / "name");  // is there only once the host has told the name
    if (text && trim_end(*text) == name) return "/dev" / entry.path().filename();
  }
  return std::nullopt;
}

Result<Port> Port::open(std::string_view name) {
  Uevents uevents;
  std::filesystem::path device;
  UniqueFd fd;
  const auto deadline = device_deadline();
  const bool found = uevents.wait_until(
      [&] {
        const auto path = find_port(class_directory, name);
        if (path) device = *path;
        if (path) fd.reset(::open(path->c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY));
        return static_cast<bool>(fd);
      },
      deadline);
  if (!found) return no_port(name, deadline);
  return Port(std::move(device), std::move(fd));
}

Result<> Port::send(std::string_view line) {
  return write_all(fd_.get(), std::string(line) + "\n", device_.native());
}

Result<> Port::flush() {
  fd_.reset();
  fd_ = CP_TRY(open_file(device_, O_RDWR | O_NOCTTY));
  return {};
}

Result<bool> Port::receive(LineBuffer& lines) {
  char buffer[65536];
  const ssize_t n = ::read(fd_.get(), buffer, sizeof buffer);
  if (n > 0) lines.append(std::string_view(buffer, static_cast<std::size_t>(n)));
  if (n < 0 && errno != EINTR && errno != EAGAIN) return Error::from_errno("cannot read " + device_.native());
  return n != 0;
}

}  // namespace crashpath
