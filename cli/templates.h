#pragma once

// Which trials of a run fork from which template, and making those that are not there yet.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "harness/trial/template.h"

namespace crashpath {

/// Bytes that the cache's templates may take; a guest of 1 GiB takes some 300 MB.
inline constexpr std::uint64_t kTemplateLimit = std::uint64_t{8} << 30;
std::filesystem::path templates_directory();

/// Machines of the trial's kind; the trial must outlive it.
MachineFactory machines_of(const PlannedTrial& trial);

class RunTemplates {
 public:
  /// A template is made where `least_shared` trials or more share a guest; one that is there already serves
  /// any. `say` gets one line for whatever takes time, and why a trial cannot fork.
  RunTemplates(const std::vector<PlannedTrial>& trials, int least_shared,
               std::function<void(std::string_view)> say);

  /// Boots, arms and saves a guest for each shape that enough trials share, on up to `workers` threads.
  /// What fails is said, and its trials boot for themselves: then their verdicts say what is wrong.
  void make(int workers, Interruption& interruption);

  /// What this trial forks from, or null when it boots. Call done_with() afterwards.
  std::shared_ptr<const Template> take(const PlannedTrial& trial);
  void done_with(const PlannedTrial& trial);

 private:
  struct Shape {
    const PlannedTrial* example = nullptr;
    int trials = 0;  ///< that are still to be done
    bool usable = true;
    std::shared_ptr<const Template> loaded;
  };
  std::shared_ptr<const Template> load(const std::string& key, Shape& shape);
  void make_one(const std::string& key, Shape& shape, Interruption& interruption);

  int least_shared_;
  std::function<void(std::string_view)> say_;
  TemplateStore store_;
  std::mutex mutex_;
  std::map<std::string, Shape> shapes_;
  std::map<const PlannedTrial*, std::string> keys_;
};

}  // namespace crashpath
