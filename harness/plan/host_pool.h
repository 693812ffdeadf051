#pragma once

// `--hosts FILE`: libvirt hosts over whose free slots the trials of a run are spread.

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/machine/backend.h"
#include "harness/plan/plan.h"

namespace crashpath {

/// [[host]]
struct HostEntry {
  std::string uri;
  std::optional<int> slots = {};  ///< guests side by side; unset: what the host says that it can
  std::vector<std::string> architectures = {};  ///< of guests; empty: what it can
  std::vector<std::string> accelerators = {};   ///< "kvm", "tcg"; empty: what it has
};

/// Strict, as scenario files are: usage errors name file, line and column.
Result<std::vector<HostEntry>> parse_hosts(std::string_view text, const std::filesystem::path& file);

/// A host as it answered.
struct PoolHost {
  MachineKind machine;
  int slots = 1;
  std::map<std::string, std::string> accelerators = {};  ///< by architecture
  std::shared_ptr<void> place = {};                      ///< the connection, kept for the run
};

/// May be used from several threads.
class HostPool {
 public:
  explicit HostPool(std::vector<PoolHost> hosts);

  /// Connects to all. One that does not answer is left out, and `say` gets a line why. An error when none
  /// does.
  static Result<std::unique_ptr<HostPool>> open(const std::vector<HostEntry>& entries,
                                                const std::function<void(std::string_view)>& say);

  /// A slot of a host, given back when this ends.
  class Slot;

  /// Waits for a free slot of a host that can run this trial; one with KVM goes first, then the least busy.
  /// None when no such host is left.
  std::optional<Slot> take(const PlannedTrial& trial);

  /// Gives trials that no host can run the reason.
  void rule_out(std::vector<PlannedTrial>& trials) const;

  int slots() const;  ///< of all hosts

 private:
  struct Member {
    PoolHost host;
    int busy = 0;
    bool aside = false;
  };
  static std::string lacking(const PlannedTrial& trial, const PoolHost& host);
  void give_back(Member& member);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Member> members_;
};

class HostPool::Slot {
 public:
  Slot(HostPool& pool, Member& member) : pool_(&pool), member_(&member) {}
  Slot(Slot&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), member_(other.member_) {}
  Slot& operator=(Slot&&) = delete;
  ~Slot() {
    if (pool_ != nullptr) pool_->give_back(*member_);
  }
  const MachineKind& machine() const { return member_->host.machine; }
  /// No further trial is put there.
  void set_aside();

 private:
  HostPool* pool_;
  Member* member_;
};

}  // namespace crashpath
