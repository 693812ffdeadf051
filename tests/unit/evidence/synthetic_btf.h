#pragma once

// BTF made in a test, with libbpf: the structures that tests read, laid out like those of a real kernel.

#include <bpf/btf.h>
#include <linux/btf.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

namespace crashpath {

class SyntheticBtf {
 public:
  SyntheticBtf() : btf_(btf__new_empty()) {}
  ~SyntheticBtf() { btf__free(btf_); }
  SyntheticBtf(const SyntheticBtf&) = delete;
  SyntheticBtf& operator=(const SyntheticBtf&) = delete;

  int integer(const char* name, unsigned size, int encoding = 0) {
    return checked(btf__add_int(btf_, name, size, encoding));
  }
  int pointer(int to) { return checked(btf__add_ptr(btf_, to)); }
  int alias(const char* name, int of) { return checked(btf__add_typedef(btf_, name, of)); }
  int constant(int of) { return checked(btf__add_const(btf_, of)); }
  int array(int index, int element, unsigned count) {
    return checked(btf__add_array(btf_, index, element, count));
  }
  int structure(const char* name, unsigned size) { return checked(btf__add_struct(btf_, name, size)); }
  int either(const char* name, unsigned size) { return checked(btf__add_union(btf_, name, size)); }
  /// Of the structure or union that was added last; offset and size in bits, size only of bit fields.
  void member(const char* name, int type, unsigned bit, unsigned bits = 0) {
    checked(btf__add_field(btf_, name, type, bit, bits));
  }

  std::vector<std::byte> bytes() const {
    unsigned size = 0;
    const void* data = btf__raw_data(btf_, &size);
    if (data == nullptr) throw std::runtime_error("libbpf makes no BTF of it");
    std::vector<std::byte> copy(size);
    std::memcpy(copy.data(), data, size);
    return copy;
  }

 private:
  static int checked(int result) {
    if (result < 0) throw std::runtime_error("libbpf refuses a type");
    return result;
  }
  btf* btf_;
};

}  // namespace crashpath
