#pragma once

// Which kind of Machine runs a guest. A new backend is a class and one entry in backend.cc.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "harness/machine/capabilities.h"
#include "harness/machine/machine.h"

namespace crashpath {

/// What the host at a place has for guests.
struct MachineSurvey {
  int slots = 1;  ///< guests side by side
  std::map<std::string, std::string> accelerators =
      {};  ///< "kvm" or "tcg" by architecture, of those that run
};

struct Backend {
  std::string_view name;     ///< "qemu"
  std::string_view summary;  ///< one line for a person
  /// Whether `where` is a place that it knows: a usage error, and nothing of the place itself is asked.
  Result<> (*check)(const std::string& where) = nullptr;
  Capabilities (*capabilities)(const std::string& where) = nullptr;
  /// Connects to the place, for as long as somebody has what comes back; may be null. Machines connect by
  /// themselves, too: this saves them doing it again and again.
  Result<std::shared_ptr<void>> (*open)(const std::string& where) = nullptr;
  /// Whether what open() gave still works. Asks for it anew, not for a new one.
  bool (*works)(const std::string& where) = nullptr;
  Result<MachineSurvey> (*survey)(const std::string& where) = nullptr;
  /// Removes what processes that are gone left in this place. What was found, a line each.
  Result<std::vector<std::string>> (*clean)(const std::string& where) = nullptr;
  std::unique_ptr<Machine> (*make)(MachineConfig config, const std::string& where) = nullptr;
};

/// The first one is the default.
std::span<const Backend> backends();

/// A backend and the place where its guests run, as --machine names them: "qemu", "libvirt",
/// "libvirt:qemu+ssh://host/system".
class MachineKind {
 public:
  /// The default backend.
  MachineKind();
  /// A usage error for what is none.
  static Result<MachineKind> parse(std::string_view text);

  const std::string& name() const { return name_; }  ///< as --machine has it
  bool is_default() const;
  Capabilities capabilities() const { return backend_->capabilities(where_); }
  Result<std::shared_ptr<void>> open() const { return backend_->open(where_); }
  bool works() const { return backend_->works(where_); }
  Result<MachineSurvey> survey() const { return backend_->survey(where_); }
  Result<std::vector<std::string>> clean() const { return backend_->clean(where_); }
  /// A machine that is not started yet.
  std::unique_ptr<Machine> make(MachineConfig config) const {
    return backend_->make(std::move(config), where_);
  }

 private:
  MachineKind(const Backend& backend, std::string where, std::string name)
      : backend_(&backend), where_(std::move(where)), name_(std::move(name)) {}
  const Backend* backend_;
  std::string where_;
  std::string name_;
};

}  // namespace crashpath
