#pragma once

// What the hypervisor holds of the machine's devices: device-state-*.json, which docs/evidence.md describes.
// Names are those of QEMU's sources: device "arm_gicv3", its field "cpu", there "gicr_pendbaser".

#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// A place in the devices' state: a struct, an array, a number, bytes, or nothing. Going on from a place
/// where nothing is leads to nothing again; whoever asks for a value there is told which name is the first
/// that is missing: `state.device("arm_gicv3").at("cpu")[2].number("gicr_pendbaser")`. It looks into the
/// DeviceState that it comes from, which must outlive it.
class DeviceField {
 public:
  /// A field of a struct, or one of its subsections, by its whole name: "spapr_cpu/vpa".
  DeviceField at(std::string_view name) const;
  /// An element of an array. QEMU describes an array of one element as that element, so [0] of what is no
  /// array is itself.
  DeviceField operator[](std::size_t index) const;
  // The value, or a host error that names what is missing or of another kind.
  Result<std::uint64_t> number() const;  ///< as it stands in the stream: a negative one of 32 bits is 0xf...
  Result<std::uint64_t> number(std::string_view name) const { return at(name).number(); }
  Result<std::vector<DeviceField>> elements() const;  ///< of an array; never none
  /// Whether a struct has that subsection just now, which come and go, or a pointer that is not null.
  Result<bool> has(std::string_view name) const;

  /// "arm_gicv3.cpu[2]"; where nothing is, as far as the first name that is missing.
  const std::string& path() const { return path_; }

 private:
  friend class DeviceState;
  DeviceField(const boost::json::value* value, std::string path) : value_(value), path_(std::move(path)) {}
  bool exists() const { return value_ != nullptr; }
  DeviceField step(const boost::json::value* value, std::string_view step) const;
  Error wrong(std::string_view kind) const;

  const boost::json::value* value_ = nullptr;
  std::string path_;
};

class DeviceState {
 public:
  /// Takes what decode_migration_stream() returns, or what a file of it has. A host error for anything else.
  static Result<DeviceState> from_json(boost::json::value state);
  static Result<DeviceState> read(const std::filesystem::path& file);

  /// The fields of a device. QEMU numbers devices of the same name from 0; a vCPU's number is its own.
  DeviceField device(std::string_view name, std::uint64_t instance = 0) const;
  /// All devices of that name by their number. A host error when there is none.
  Result<std::map<std::uint64_t, DeviceField>> devices(std::string_view name) const;

 private:
  explicit DeviceState(boost::json::value state) : state_(std::move(state)) {}
  std::map<std::uint64_t, DeviceField> find(std::string_view name) const;

  boost::json::value state_;
};

}  // namespace crashpath
