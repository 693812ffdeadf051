#pragma once

// Compares what each witness says with what the model predicts.

#include <string>
#include <vector>

#include "memreserve/model.h"
#include "memreserve/witnesses.h"

namespace crashpath {

struct Contradiction {
  std::string subject;  ///< "kernel 1, CPU2", "redistributor 3 when armed", "the list in vmcore.kdump"
  std::string field;    ///< "per-CPU flags"
  std::string expected;
  std::string got;
  std::string evidence;  ///< file, and line where there is one
};
std::string to_string(
    const Contradiction& each);  ///< one line: "kernel 1, CPU2: flags: expected 0x7, got 0x5"

struct Comparison {
  std::vector<KernelPrediction> predictions;  ///< by kernel of the chain
  std::vector<Contradiction> contradictions;
  std::vector<std::string> compared;  ///< which witnesses there were: "console", "device-state-armed.json"
  /// What could not be compared because this kernel or this evidence does not have it, in words.
  std::vector<std::string> lacking;
};

/// `models`: of the witnesses' chain (to_model()).
Comparison compare(const Witnesses& witnesses, const std::vector<ModelKernel>& models);

}  // namespace crashpath
