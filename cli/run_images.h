#pragma once

// The images of a run: each is made once, and one that cannot be made leaves a reason and not an end.

#include <list>
#include <map>
#include <string>
#include <vector>

#include "cli/prepare_image.h"
#include "harness/trial/planned_trial.h"

namespace crashpath {

class RunImages {
 public:
  /// `mirror` empty: the one this machine uses.
  explicit RunImages(std::string mirror) : mirror_(std::move(mirror)) {}

  /// Lives as long as this. One that cannot be made is there too, so that plans and reports can name it.
  const GuestImage* get(const KernelSpec& spec, const Architecture& architecture, bool probes);

  /// Why this one could not be made, or null.
  const Error* failure(const GuestImage* image) const;

  /// The first failure when there is nothing but failures, and that one is the user's mistake: what no
  /// architecture of the run has is a mistake in the request.
  const Error* mistake() const;

  /// Gives trials on images that could not be made the reason. A kernel that this architecture does not have
  /// is lacking; anything else is ours.
  void excuse(std::vector<PlannedTrial>& trials) const;

 private:
  std::string mirror_;
  std::list<GuestImage> images_;                         ///< a list, because plans point into it
  std::map<std::string, const GuestImage*> by_request_;  ///< "arch kernel probes"
  std::map<const GuestImage*, Error> failed_;
};

/// Whether probe modules have to be in the image for one of these.
bool need_probes(const std::vector<const Scenario*>& scenarios);

}  // namespace crashpath
