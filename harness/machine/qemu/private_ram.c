/*
 * Preloaded into a QEMU that is a fork of a saved guest: its RAM is a memory file that many forks share, sealed against
 * writing. Each fork must have its writes for itself (MAP_PRIVATE), yet QEMU leaves RAM out of a migration stream only
 * where it believes it shared (migration/ram.c ramblock_is_ignored: x-ignore-shared and RAM_SHARED, which
 * memory-backend-file sets for share=on). So it is told share=on, and a writable shared mapping of such a file, which
 * the kernel would refuse anyhow, becomes a private one here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

typedef void* (*mmap_function)(void*, size_t, int, int, int, off_t);

static int private_flags(int protection, int flags, int fd) {
  if (fd < 0 || !(protection & PROT_WRITE) || (flags & MAP_TYPE) != MAP_SHARED) return flags;
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_WRITE)) return flags;
  return (flags & ~MAP_TYPE) | MAP_PRIVATE;
}

/* The two are one function where off_t has 64 bits; QEMU calls the second. */
void* mmap(void* address, size_t length, int protection, int flags, int fd, off_t offset) {
  static mmap_function next;
  if (!next) next = (mmap_function)dlsym(RTLD_NEXT, "mmap");
  return next(address, length, protection, private_flags(protection, flags, fd), fd, offset);
}

void* mmap64(void* address, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap(address, length, protection, flags, fd, offset);
}
