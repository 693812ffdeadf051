#pragma once

// The host's threads of QEMU's vCPUs, and what the host's scheduler makes of them.

#include <sys/types.h>

#include <vector>

#include "harness/machine/machine.h"

namespace crashpath {

class VcpuThreads {
 public:
  VcpuThreads() = default;
  /// Thread ids of the process, in the order of the vCPUs.
  VcpuThreads(pid_t process, const std::vector<pid_t>& threads);

  /// How long the vCPU that waited longest stood ready to run without getting a CPU of the host. The time in
  /// which it was seen to spin does not count.
  Clock::duration starved() const;

  /// Gives a vCPU that spins what the others leave (nice 19), until it is seen elsewhere. A pseries crash
  /// leaves CPUs in kexec's hold loop (arch/powerpc/kernel/misc_64.S, kexec_wait) until the next kernel calls
  /// them, or for good; under TCG each burns a host CPU. It spins when it ran or wanted to, and stood at one
  /// place, in three looks in a row. Nothing happens where that could not be taken back (CAP_SYS_NICE).
  void take_look(const std::vector<VcpuRegisters>& registers, Clock::time_point now);

 private:
  struct Thread {
    pid_t id = 0;
    std::uint64_t place = 0;          ///< its program counter at the last look
    Clock::duration active{};         ///< ran or wanted to, until the last look
    int looks = 0;                    ///< in a row at which it spun
    bool yields = false;              ///< nice 19
    Clock::duration yielding_from{};  ///< run delay when that began
    Clock::duration not_counted{};    ///< run delay until that ended, the times before
  };
  struct Times {
    Clock::duration ran{}, delayed{};
  };

  Times times_of(const Thread& thread) const;
  bool set_yielding(Thread& thread, bool yields) const;
  bool may_take_back();

  pid_t process_ = 0;
  std::vector<Thread> threads_;
  std::optional<Clock::time_point> looked_at_;
  std::optional<bool> may_take_back_;
};

}  // namespace crashpath
