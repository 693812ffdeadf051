#include "harness/evidence/extract.h"

#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/evidence.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {

Result<> extract_from_vmcore(const std::filesystem::path& trial_directory) {
  const Evidence evidence(trial_directory);
  const Vmcore& vmcore = *CP_TRY(evidence.vmcore());
  if (vmcore.vmcoreinfo().empty()) return Error::guest("the dump has no VMCOREINFO");
  CP_TRY(write_file(evidence.path(evidence_file::kVmcoreinfo), vmcore.vmcoreinfo().text()));
  return write_file(evidence.path(evidence_file::kDmesg), CP_TRY(vmcore.dmesg()));
}

}  // namespace crashpath
