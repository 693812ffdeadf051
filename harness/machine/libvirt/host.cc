#include "harness/machine/libvirt/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <pugixml.hpp>

#include "harness/machine/libvirt/event_loop.h"
#include "harness/machine/libvirt/leftovers.h"

namespace crashpath::libvirt {
namespace {

using Text = std::unique_ptr<char, Releaser<::free>>;

/// Seconds between two signs of life that a connection over a network is asked for, and how many may be
/// missing.
constexpr int kKeepAlive = 10;
constexpr unsigned kMissing = 12;

/// Debian's driver looks this user up when it begins as root, also when it is told another one.
constexpr const char* kUserHint =
    "as root libvirt's QEMU driver wants a user libvirt-qemu: useradd --system --user-group libvirt-qemu, or "
    "install libvirt-daemon-system";

std::string version_text(unsigned long version) {
  return fmt::format("{}.{}.{}", version / 1000000, version / 1000 % 1000, version % 1000);
}

struct OpenHosts {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<Host>> hosts;  ///< by URI
};

OpenHosts& open_hosts() {
  static OpenHosts open;
  return open;
}

Result<std::shared_ptr<Host>> connect_host(const Uri& uri) {
  start_event_loop();
  std::optional<EmbeddedRoot> root;
  std::string text = uri.text;
  if (uri.embedded) {
    clean_embedded_roots();
    root.emplace(CP_TRY(EmbeddedRoot::make(uri.root)));
    text = fmt::format("qemu:///embed?root={}", root->path().native());
  }
  Connect connection(virConnectOpen(text.c_str()));
  if (!connection) {
    Error error = last_error(fmt::format("cannot connect to {}", uri.text));
    const bool user = error.message().find("libvirt-qemu") != std::string::npos;
    return std::move(error).with_hint(user ? kUserHint : "");
  }
  virConnectSetKeepAlive(connection.get(), kKeepAlive, kMissing);  // a local one has and needs none
  return std::make_shared<Host>(uri, std::move(root), std::move(connection));
}

}  // namespace

Result<std::shared_ptr<Host>> Host::open(const Uri& uri) {
  auto& [mutex, hosts] = open_hosts();
  const std::scoped_lock lock(mutex);
  if (auto known = hosts[uri.text].lock(); known && known->alive()) return known;
  auto host = CP_TRY(connect_host(uri));
  hosts[uri.text] = host;
  return host;
}

bool Host::works(const Uri& uri) {
  std::shared_ptr<Host> host;
  {
    auto& [mutex, hosts] = open_hosts();
    const std::scoped_lock lock(mutex);
    host = hosts[uri.text].lock();
  }
  return host && host->answers();
}

boost::json::object Host::describe() const {
  boost::json::object about;
  unsigned long version = 0;
  if (virConnectGetLibVersion(connection_.get(), &version) == 0) about["libvirt"] = version_text(version);
  if (virConnectGetVersion(connection_.get(), &version) == 0) about["version"] = version_text(version);
  const Text hostname(virConnectGetHostname(connection_.get()));
  if (hostname) about["host"] = hostname.get();
  return about;
}

/// libvirt's own version: that of the hypervisor is an error where there is no QEMU for the host's
/// architecture.
bool Host::answers() const {
  unsigned long version = 0;
  return alive() && virConnectGetLibVersion(connection_.get(), &version) == 0;
}

Result<int> Host::slots() const {
  virNodeInfo node{};
  if (virNodeGetInfo(connection_.get(), &node) != 0) return last_error(uri_.text);
  const auto by_memory = static_cast<int>(node.memory / 2 >> 20);  // KiB
  return std::clamp(static_cast<int>(node.cpus), 1, std::max(1, by_memory));
}

Host::Host(Uri uri, std::optional<EmbeddedRoot> root, Connect connection)
    : uri_(std::move(uri)),
      root_(std::move(root)),
      connection_(std::move(connection)),
      found_at_start_(clean_host(connection_.get())) {}

Result<HostFiles*> Host::files() {
  const std::scoped_lock lock(mutex_);
  if (!files_)
    files_ = root_ ? CP_TRY(make_local_files(root_->path() / "files", root_->qemu_user()))
                   : CP_TRY(make_pool_files(connection_.get()));
  return files_.get();
}

Result<GuestSupport> Host::support(const Architecture& architecture) const {
  GuestSupport support;
  const std::string arch(architecture.libvirt_arch);
  const std::string machine(architecture.qemu_machine);
  for (const auto accelerator : {Accelerator::kvm, Accelerator::tcg}) {
    const char* type = accelerator == Accelerator::kvm ? "kvm" : "qemu";
    const Text text(
        virConnectGetDomainCapabilities(connection(), nullptr, arch.c_str(), machine.c_str(), type, 0));
    pugi::xml_document document;
    if (text && document.load_string(text.get())) {
      support.emulator = document.child("domainCapabilities").child("path").text().get();
      support.accelerator = accelerator;
      if (accelerator == Accelerator::kvm) support.reason.clear();
      return support;
    }
    support.reason = last_error("libvirt").message();
  }
  return Error::host(fmt::format("{} runs no {} guests: {}", uri_.text, architecture.name, support.reason))
      .with_hint(fmt::format("apt-get install {} there", architecture.qemu_package));
}

std::filesystem::path Host::log_directory() const {
  return root_ ? root_->path() / "log/qemu" : std::filesystem::path();
}

}  // namespace crashpath::libvirt
