#pragma once

// Templates: guests that were booted and armed once, and saved, so that trials fork from them.
//
// A template is a directory of the cache, named by a key of everything that shaped the guest:
//   ram, ram.pagehash     its RAM (sparse), and the hash of each page
//   device-state          everything else of it, as the hypervisor wrote it
//   template.json         key, times, hashes of the files above
//   console-first.log, agent.jsonl, ...   evidence of its boot, which forks inherit

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "harness/evidence/page_hashes.h"
#include "harness/trial/runner.h"

namespace crashpath {

struct Template {
  std::string key;
  std::filesystem::path directory;
  SavedGuest guest;
  PageHashes hashes;            ///< of its RAM
  Clock::duration boot{};       ///< from power-on to its agent
  Clock::duration woke{};       ///< what the first fork of it took to answer
  double saved_at = 0;          ///< seconds after power-on
  boost::json::array segments;  ///< of the crash kernel, as kexec loaded it
};

/// What a trial's template is found by, or empty when none can serve it: its script begins with nothing to
/// share, it records trace events from power-on, or it cannot run at all.
Result<std::string> template_key(const PlannedTrial& trial, const MachineFactory& make_machine);

/// A template as it lies in the cache.
struct CachedTemplate {
  std::filesystem::path directory;
  std::uint64_t size = 0;                ///< bytes on disk
  std::filesystem::file_time_type used;  ///< when it was last made or loaded
};
/// Least recently used first.
std::vector<CachedTemplate> list_templates(const std::filesystem::path& directory);

/// The templates below one directory. May be used from several threads, and by several processes.
class TemplateStore {
 public:
  /// `limit`: bytes that they may take all together; the least recently used go first.
  TemplateStore(std::filesystem::path directory, std::uint64_t limit);

  bool has(const std::string& key) const;

  /// The template of this key, loaded. One that is damaged is removed, and is then not there.
  Result<std::shared_ptr<const Template>> load(const std::string& key, int memory_mib);

  /// Boots and arms the guest of this trial and saves it, once a fork of it was seen to go on. An error of
  /// fault guest when it does not come that far; whatever fails leaves nothing behind.
  Result<> make(const std::string& key, const PlannedTrial& trial, const MachineFactory& make_machine,
                TrialObserver& observer, Interruption& interruption);

 private:
  void keep_limit(const std::string& newest) const;

  std::filesystem::path directory_;
  std::uint64_t limit_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const Template>> loaded_;
};

}  // namespace crashpath
