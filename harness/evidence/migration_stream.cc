#include "harness/evidence/migration_stream.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <boost/algorithm/hex.hpp>
#include <cstdint>
#include <iterator>
#include <string>

namespace crashpath {
namespace {

namespace json = boost::json;

// migration/savevm.h
constexpr std::uint32_t kFileMagic = 0x5145564d;  // "QEVM"
constexpr std::uint32_t kFileVersion = 3;
constexpr char kEof = 0x00;
constexpr char kSectionFull = 0x04;
constexpr char kSubsection = 0x05;
constexpr char kDescription = 0x06;
constexpr char kSectionFooter = 0x7e;

/// Of more bytes than this, and of longer arrays of numbers, only the hash is kept: pseries has a DMA window
/// of 2 MiB (hw/ppc/spapr_iommu.c).
constexpr std::size_t kMaxKeptBytes = 256;
constexpr std::size_t kMaxKeptNumbers = 4096;
/// A pseries guest has some 30000; a description that makes more out of a few bytes is no good.
constexpr std::size_t kMaxValues = 1 << 20;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

/// Takes bytes off the front of a part of the stream.
class StreamReader {
 public:
  /// `begin` is where the bytes lie in the stream, for errors.
  StreamReader(std::string_view bytes, std::size_t begin) : left_(bytes), position_(begin) {}

  Result<std::string_view> take(std::uint64_t count) {
    if (count > left_.size())
      return Error::host(
          fmt::format("{} bytes are wanted at {}, where {} are left", count, position_, left_.size()));
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(taken.size());
    position_ += taken.size();
    return taken;
  }
  Result<std::uint64_t> number(std::size_t size) { return big_endian(CP_TRY(take(size))); }
  Result<> expect(std::string_view what, std::string_view bytes) {
    const std::size_t where = position_;
    if (CP_TRY(take(bytes.size())) == bytes) return {};
    return Error::host(fmt::format("no {} at byte {}, where the description wants it", what, where));
  }
  Result<> expect_end() const {
    if (left_.empty()) return {};
    return Error::host(fmt::format("{} bytes at {} are not described", left_.size(), position_));
  }
  std::size_t position() const { return position_; }

 private:
  std::string_view left_;
  std::size_t position_;
};

// The description's members.

Result<std::string_view> text_member(const json::object& description, std::string_view name) {
  const json::value* member = description.if_contains(name);
  if (member != nullptr && member->is_string()) return std::string_view(member->get_string());
  return Error::host(fmt::format("the description lacks a \"{}\"", name));
}

/// Sizes, numbers of elements and instances have at most 32 bits in QEMU: products of two of them fit.
Result<std::uint64_t> count_member(const json::object& description, std::string_view name) {
  const json::value* member = description.if_contains(name);
  const std::int64_t* count = member == nullptr ? nullptr : member->if_int64();
  if (count != nullptr && *count >= 0 && *count <= UINT32_MAX) return static_cast<std::uint64_t>(*count);
  return Error::host(fmt::format("the description lacks a \"{}\" that can be", name));
}

/// How often the field follows itself: an array whose elements are alike is described by its first one
/// (migration/vmstate.c vmsd_can_compress).
Result<std::uint64_t> repetitions(const json::object& field) {
  if (field.contains("array_len")) return count_member(field, "array_len");
  return std::uint64_t{1};
}

Result<const json::object*> as_object(const json::value& value) {
  if (value.is_object()) return &value.get_object();
  return Error::host("the description has something else where an object belongs");
}

Result<const json::array*> array_member(const json::object& description, std::string_view name) {
  const json::value* member = description.if_contains(name);
  if (member != nullptr && member->is_array()) return &member->get_array();
  return Error::host(fmt::format("the description lacks an array \"{}\"", name));
}

Result<const json::array*> subsections_of(const json::object& description) {
  static const json::array none;
  if (!description.contains("subsections")) return &none;
  return array_member(description, "subsections");
}

/// What vmstate_subsection_save() writes before a subsection's fields.
Result<std::string> subsection_header(const json::object& subsection) {
  const std::string_view name = CP_TRY(text_member(subsection, "vmsd_name"));
  const std::uint64_t version = CP_TRY(count_member(subsection, "version"));
  std::string header = {kSubsection, static_cast<char>(name.size())};
  header += name;
  for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(version >> shift);
  return header;
}

/// How many bytes the fields and subsections of a device or subsection take. An error beyond `limit`.
Result<std::uint64_t> described_size(const json::object& description, std::uint64_t limit) {
  std::uint64_t size = 0;
  const auto add = [&](std::uint64_t more) -> Result<> {
    if (more > limit - size) return Error::host("the description speaks of more bytes than there are");
    size += more;
    return {};
  };
  for (const json::value& value : *CP_TRY(array_member(description, "fields"))) {
    const json::object& field = *CP_TRY(as_object(value));
    CP_TRY(add(CP_TRY(count_member(field, "size")) * CP_TRY(repetitions(field))));
  }
  for (const json::value& value : *CP_TRY(subsections_of(description))) {
    const json::object& subsection = *CP_TRY(as_object(value));
    CP_TRY(add(CP_TRY(subsection_header(subsection)).size()));
    CP_TRY(add(CP_TRY(described_size(subsection, limit - size))));
  }
  return size;
}

json::value bytes_value(std::string_view bytes) {
  json::object value{{"size", bytes.size()}};
  if (bytes.size() > kMaxKeptBytes) {
    value.emplace("xxh3", fmt::format("{:#018x}", XXH3_64bits(bytes.data(), bytes.size())));
  } else {
    std::string hex;
    boost::algorithm::hex_lower(bytes.begin(), bytes.end(), std::back_inserter(hex));
    value.emplace("hex", hex);
  }
  return value;
}

/// A field without structure: a number where its bytes may be one.
json::value plain_value(std::string_view type, std::string_view bytes) {
  const bool opaque = type == "buffer" || type == "bitmap";  // migration/vmstate-types.c
  if (opaque) return bytes_value(bytes);
  switch (bytes.size()) {
    case 1:
    case 2:
    case 4:
      return big_endian(bytes);
    case 8:
      return json::string(fmt::format("{:#x}", big_endian(bytes)));
    default:
      return bytes_value(bytes);
  }
}

/// Puts bytes and description together.
class Decoder {
 public:
  Result<json::object> device(const json::object& description, StreamReader& stream);

 private:
  Result<json::object> structure(const json::object& description, StreamReader& stream);
  Result<json::value> element(const json::object& field, StreamReader& stream);
  Result<json::value> array(const json::object& field, StreamReader& stream);
  Result<> add_field(json::object& fields, const json::object& field, StreamReader& stream);

  std::size_t values_ = 0;
};

Result<json::value> Decoder::element(const json::object& field, StreamReader& stream) {
  if (++values_ > kMaxValues) return Error::host(fmt::format("more than {} values", kMaxValues));
  const std::size_t where = stream.position();
  const std::string_view bytes = CP_TRY(stream.take(CP_TRY(count_member(field, "size"))));
  const json::value* description = field.if_contains("struct");
  if (description == nullptr) return plain_value(CP_TRY(text_member(field, "type")), bytes);
  const json::object& vmsd = *CP_TRY(as_object(*description));
  // Of a null pointer in an array of pointers to structs there is a placeholder and no description
  // (migration/vmstate-types.c vmstate_info_nullptr).
  if (vmsd.empty()) return json::value(nullptr);
  StreamReader inside(bytes, where);
  json::object value = CP_TRY(structure(vmsd, inside));
  CP_TRY(inside.expect_end());
  return json::value(std::move(value));
}

Result<json::value> Decoder::array(const json::object& field, StreamReader& stream) {
  const std::uint64_t count = CP_TRY(count_member(field, "array_len"));
  if (count > kMaxKeptNumbers && !field.contains("struct"))
    return bytes_value(CP_TRY(stream.take(count * CP_TRY(count_member(field, "size")))));
  json::array elements;
  for (std::uint64_t i = 0; i < count; ++i) elements.push_back(CP_TRY(element(field, stream)));
  return json::value(std::move(elements));
}

Result<> Decoder::add_field(json::object& fields, const json::object& field, StreamReader& stream) {
  const std::string_view name = CP_TRY(text_member(field, "name"));
  json::value value = CP_TRY(field.contains("array_len") ? array(field, stream) : element(field, stream));
  if (CP_TRY(text_member(field, "type")) == "unused_buffer") return {};  // what older versions had there

  if (field.contains("index")) {  // one of an array whose elements differ; they come one after the other
    json::value& elements = fields[name];
    if (elements.is_null()) elements.emplace_array();
    if (!elements.is_array() || elements.get_array().size() != CP_TRY(count_member(field, "index")))
      return Error::host(fmt::format("the elements of \"{}\" are not in order", name));
    elements.get_array().push_back(std::move(value));
    return {};
  }
  // vmsd_desc_field_start() numbers fields of the same name.
  if (!fields.emplace(name, std::move(value)).second)
    return Error::host(fmt::format("\"{}\" is described twice", name));
  return {};
}

Result<json::object> Decoder::structure(const json::object& description, StreamReader& stream) {
  json::object fields;
  for (const json::value& field : *CP_TRY(array_member(description, "fields")))
    CP_TRY(add_field(fields, *CP_TRY(as_object(field)), stream));
  for (const json::value& value : *CP_TRY(subsections_of(description))) {
    const json::object& subsection = *CP_TRY(as_object(value));
    const std::string_view name = CP_TRY(text_member(subsection, "vmsd_name"));
    CP_TRY(stream.expect(fmt::format("subsection {}", name), CP_TRY(subsection_header(subsection))));
    if (!fields.emplace(name, CP_TRY(structure(subsection, stream))).second)
      return Error::host(fmt::format("\"{}\" is described twice", name));
  }
  return fields;
}

/// migration/savevm.c save_section_header(), save_section_footer()
Result<json::object> Decoder::device(const json::object& description, StreamReader& stream) {
  const std::string_view name = CP_TRY(text_member(description, "name"));
  CP_TRY(stream.expect("section", {&kSectionFull, 1}));
  const std::string_view section_id = CP_TRY(stream.take(4));
  const std::string_view name_there = CP_TRY(stream.take(CP_TRY(stream.number(1))));
  const std::uint64_t instance = CP_TRY(stream.number(4));
  const std::uint64_t version = CP_TRY(stream.number(4));
  if (name_there != name || instance != CP_TRY(count_member(description, "instance_id")))
    return Error::host(fmt::format("another device's section, which ends at byte {}", stream.position()));
  json::object fields = CP_TRY(structure(description, stream));
  CP_TRY(stream.expect("section footer", fmt::format("{}{}", kSectionFooter, section_id)));
  return json::object{
      {"name", name}, {"instance", instance}, {"version", version}, {"fields", std::move(fields)}};
}

/// Where the description begins: it is the last thing in the stream, and its length stands before it.
Result<std::size_t> find_description(std::string_view stream) {
  constexpr std::size_t head = 1 + 4;
  for (std::size_t end = stream.size(); end > 0;) {
    const std::size_t at = stream.rfind(kDescription, end - 1);
    if (at == std::string_view::npos) break;
    const std::size_t follow = stream.size() - at;
    if (follow >= head && big_endian(stream.substr(at + 1, 4)) == follow - head) return at + head;
    end = at;
  }
  return Error::host("no description at its end: it is cut off, or QEMU was told to leave it out");
}

/// The devices' sections are the last ones, each of them whole and one behind the other, and QEMU_VM_EOF ends
/// them. Their place follows from what the description says of their size, counted from behind: so nothing
/// before them has to be understood, as the pages of flash memory or a pseries guest's hash table, which
/// guests write.
Result<StreamReader> device_sections(std::string_view stream, const json::array& devices, std::size_t end) {
  std::uint64_t size = 0;
  for (const json::value& value : devices) {
    const json::object& device = *CP_TRY(as_object(value));
    const std::size_t around = 1 + 4 + 1 + CP_TRY(text_member(device, "name")).size() + 4 + 4 + 1 + 4;
    size += around + CP_TRY(described_size(device, end));
    if (size > end) return Error::host("the description speaks of more bytes than there are");
  }
  const std::size_t begin = end - size;
  return StreamReader(stream.substr(begin, size), begin);
}

Result<json::object> decode(std::string_view stream) {
  StreamReader head(stream, 0);
  if (CP_TRY(head.number(4)) != kFileMagic || CP_TRY(head.number(4)) != kFileVersion)
    return Error::host(fmt::format("not of version {}", kFileVersion));
  const std::size_t description_begin = CP_TRY(find_description(stream));
  boost::system::error_code error;
  // Its parser refuses what is nested deeper than 32; QEMU's descriptions are about 10 deep.
  const json::value description = json::parse(stream.substr(description_begin), error);
  if (error) return Error::host(fmt::format("the description is no JSON: {}", error.message()));
  const json::array& devices = *CP_TRY(array_member(*CP_TRY(as_object(description)), "devices"));
  const std::size_t end = description_begin - (1 + 4) - 1;
  if (end >= stream.size() || stream[end] != kEof) return Error::host("no end before the description");

  StreamReader sections = CP_TRY(device_sections(stream, devices, end));
  Decoder decoder;
  json::array decoded;
  for (const json::value& value : devices) {
    const json::object& device = value.get_object();
    auto state = decoder.device(device, sections);
    if (!state) return Error(std::move(state).error()).within(CP_TRY(text_member(device, "name")));
    decoded.push_back(std::move(*state));
  }
  return json::object{{"schema", 1}, {"devices", std::move(decoded)}};
}

}  // namespace

Result<boost::json::object> decode_migration_stream(std::string_view stream) {
  auto state = decode(stream);
  if (!state) return Error(std::move(state).error()).within("migration stream");
  return state;
}

}  // namespace crashpath
