#include "crashpaths/checks/workarea_dump.h"

#include <fmt/format.h>

#include <bit>

namespace crashpath {
namespace {

/// More than any of the lists has; beyond that it is a loop.
constexpr std::size_t kMostEntries = 4096;
constexpr std::uint64_t kMostArena = 64 << 20;

/// The objects of type `type` on a list_head, which is their member `member`.
Result<std::vector<KernelObject>> list_of(const KernelState& kernel, const KernelObject& head,
                                          std::string_view type, std::string_view member) {
  const KernelTypes& types = *CP_TRY(kernel.types());
  const std::uint64_t offset = CP_TRY(types.member(CP_TRY(types.find(type)), member)).offset;
  const std::uint64_t end = CP_TRY(head.address());
  std::vector<KernelObject> objects;
  std::uint64_t entry = CP_TRY(head.at("next").number());
  while (entry != end) {
    if (objects.size() == kMostEntries)
      return Error::guest(fmt::format("{} has more than {} entries", head.path(), kMostEntries));
    objects.push_back(kernel.object(entry - offset, type));
    entry = CP_TRY(kernel.object(entry, "struct list_head").at("next").number());
  }
  return objects;
}

Result<WorkAreaTask> read_task(const KernelObject& task) {
  const auto pid = static_cast<int>(CP_TRY(task.at("pid").number()));
  return WorkAreaTask{fmt::format("{}/{}", CP_TRY(task.at("comm").text()), pid), pid};
}

/// struct gen_pool_chunk: its bitmap has a bit for each granule, set while it is given out. The arena is in
/// the linear map; phys_addr is not filled in for it.
Result<> read_chunk(const KernelState& kernel, const KernelObject& chunk, WorkAreaPool& pool) {
  const std::uint64_t start = CP_TRY(chunk.at("start_addr").number());
  const std::uint64_t size = CP_TRY(chunk.at("end_addr").number()) + 1 - start;
  if (size > kMostArena) return Error::guest(fmt::format("{}: {:#x} bytes", chunk.path(), size));
  const std::uint64_t physical = CP_TRY(kernel.to_physical(start));
  pool.arena.push_back({physical, saturated_sum(physical, size)});
  std::vector<std::uint64_t> bits((size / pool.granule + 63) / 64);
  CP_TRY(kernel.read(CP_TRY(chunk.at("bits").address()), std::as_writable_bytes(std::span(bits))));
  for (std::uint64_t i = 0; i < size / pool.granule; ++i) {
    const std::uint64_t begin = saturated_sum(physical, i * pool.granule);
    if ((bits.at(i / 64) >> (i % 64) & 1) != 0)
      pool.used.push_back({begin, saturated_sum(begin, pool.granule)});
  }
  return {};
}

/// struct mutex: a task's address in `owner`, whose low bits are flags (kernel/locking/mutex.c).
Result<> read_mutex(const KernelState& kernel, const KernelObject& mutex, WorkAreaPool& pool) {
  constexpr std::uint64_t kFlags = 7;
  const std::uint64_t owner = CP_TRY(mutex.at("owner.counter").number()) & ~kFlags;
  if (owner != 0) pool.first = CP_TRY(read_task(kernel.object(owner, "struct task_struct")));
  for (const KernelObject& waiter :
       CP_TRY(list_of(kernel, mutex.at("wait_list"), "struct mutex_waiter", "list")))
    pool.queue.push_back(CP_TRY(read_task(waiter.at("task").follow())));
  return {};
}

}  // namespace

Result<WorkAreaPool> read_work_area_pool(const KernelState& kernel) {
  // rwa_state is of a structure without a name: gen_pool, arena, mutex, wqh, ... A pointer has 8 bytes.
  const std::uint64_t state = CP_TRY(kernel.symbol("rwa_state"));
  const KernelObject gen_pool = kernel.object(state, "struct gen_pool *").follow();
  WorkAreaPool pool;
  const std::uint64_t order = CP_TRY(gen_pool.at("min_alloc_order").number());
  if (order > 20) return Error::guest(fmt::format("{}: granules of 2^{} bytes", gen_pool.path(), order));
  pool.granule = std::uint64_t{1} << order;
  for (const KernelObject& chunk :
       CP_TRY(list_of(kernel, gen_pool.at("chunks"), "struct gen_pool_chunk", "next_chunk")))
    CP_TRY(read_chunk(kernel, chunk, pool));
  pool.used = normalized(std::move(pool.used));
  CP_TRY(read_mutex(kernel, kernel.object(state + 16, "struct mutex"), pool));
  return pool;
}

}  // namespace crashpath
