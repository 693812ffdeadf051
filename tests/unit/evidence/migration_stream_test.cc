#include "harness/evidence/migration_stream.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>

#include "harness/evidence/page_hashes.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

std::string big_endian_32(std::size_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

/// A stream of one device, "d", whose fields and subsections have these bytes.
std::string stream_of(std::string_view bytes, std::string_view description) {
  const std::string whole =
      fmt::format(R"({{"page_size":4096,"devices":[{{"name":"d","instance_id":0,{}}}]}})", description);
  const std::string id = big_endian_32(7);
  return "QEVM" + big_endian_32(3) + "what stands before \x04"s + id + "\x01"s + "d" + big_endian_32(0) +
         big_endian_32(1) + std::string(bytes) + "\x7e" + id + "\0\x06"s + big_endian_32(whole.size()) +
         whole;
}

std::string fields_of(std::string_view bytes, std::string_view description) {
  const auto state = decode_migration_stream(stream_of(bytes, description));
  if (!state) return state.error().message();
  return boost::json::serialize(state->at("devices").as_array().at(0).at("fields"));
}

TEST(MigrationStream, NumbersAndBytes) {
  EXPECT_EQ(fields_of("\x01\x01\x02\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xfe\x0a\x0b\x0c"s, R"("fields":[
      {"name":"bool","type":"bool","size":1}, {"name":"two","type":"uint16","size":2},
      {"name":"four","type":"int32","size":4}, {"name":"eight","type":"int64","size":8},
      {"name":"buffer","type":"buffer","size":1}, {"name":"none","type":"buffer","size":0},
      {"name":"unused","type":"unused_buffer","size":2}])"),
            R"({"bool":1,"two":258,"four":2147483648,"eight":"0xfffffffffffffffe",)"
            R"("buffer":{"size":1,"hex":"0a"},"none":{"size":0,"hex":""}})");
  const std::string rom(kHashedPageSize, 'x');
  EXPECT_EQ(fields_of(rom, R"("fields":[{"name":"rom","type":"buffer","size":4096}])"),
            fmt::format(R"({{"rom":{{"size":4096,"xxh3":"{:#018x}"}}}})",
                        hash_page(std::as_bytes(std::span(rom)))));
}

TEST(MigrationStream, StructsArraysAndSubsections) {
  // An array of two alike, one of two that are not, of which one is a null pointer, and subsections.
  EXPECT_EQ(fields_of("ABCD"
                      "EF0"
                      "\x05\x03"
                      "d/s\0\0\0\x01"
                      "G"s,
                      R"("fields":[
      {"name":"alike","array_len":2,"type":"struct","size":2,"struct":{"vmsd_name":"a","version":1,"fields":[
         {"name":"x","type":"uint8","size":1}, {"name":"y","type":"uint8","size":1}]}},
      {"name":"other","index":0,"type":"struct","size":2,"struct":{"vmsd_name":"o","version":1,"fields":[
         {"name":"z","array_len":2,"type":"uint8","size":1}]}},
      {"name":"other","index":1,"type":"struct","size":1,"struct":{}}],
      "subsections":[{"vmsd_name":"d/s","version":1,"fields":[{"name":"g","type":"uint8","size":1}]}])"),
            R"({"alike":[{"x":65,"y":66},{"x":67,"y":68}],"other":[{"z":[69,70]},null],"d/s":{"g":71}})");
}

TEST(MigrationStream, OfLongArraysTheHashIsKept) {
  EXPECT_THAT(fields_of(std::string(4097 * 2, '\0'),
                        R"("fields":[{"name":"a","array_len":4097,"type":"uint16","size":2}])"),
              HasSubstr(R"({"a":{"size":8194,"xxh3":"0x)"));
  EXPECT_THAT(fields_of(std::string(4096 * 2, '\0'),
                        R"("fields":[{"name":"a","array_len":4096,"type":"uint16","size":2}])"),
              HasSubstr(R"({"a":[0,0,)"));
}

TEST(MigrationStream, RefusesADescriptionThatDoesNotFit) {
  const std::string one = R"("fields":[{"name":"x","type":"uint8","size":1}])";
  EXPECT_EQ(fields_of("A", one), R"({"x":65})");
  EXPECT_THAT(fields_of("AB", one), HasSubstr("d: no section at byte"));
  EXPECT_THAT(fields_of("", one), HasSubstr("d: no section at byte"));
  EXPECT_THAT(fields_of("A", R"("fields":[{"name":"x","type":"uint8","size":4294967295}])"),
              HasSubstr("more bytes than there are"));
  EXPECT_THAT(fields_of("A", R"("fields":[{"name":"x","type":"uint8","size":-1}])"), HasSubstr("\"size\""));
  EXPECT_THAT(fields_of("A", R"("fields":[{"name":"x","type":"uint8","size":1e3}])"), HasSubstr("\"size\""));
  EXPECT_THAT(fields_of("A", R"("fields":[{"name":"x","type":"uint8"}])"), HasSubstr("\"size\""));
  EXPECT_THAT(fields_of("A", R"("fields":[{"name":"x","size":1}])"), HasSubstr("\"type\""));
  EXPECT_THAT(fields_of("A", R"("fields":[1])"), HasSubstr("object"));
  EXPECT_THAT(fields_of("A", R"("x":[])"), HasSubstr("\"fields\""));
  EXPECT_THAT(fields_of("AB", R"("fields":[{"name":"x","type":"uint8","size":1},
                                           {"name":"x","type":"uint8","size":1}])"),
              HasSubstr("described twice"));
  EXPECT_THAT(fields_of("AB", R"("fields":[{"name":"x","index":1,"type":"uint8","size":1},
                                           {"name":"x","index":0,"type":"uint8","size":1}])"),
              HasSubstr("not in order"));
}

TEST(MigrationStream, RefusesStructsThatDoNotFit) {
  const auto of_size = [](int size) {
    return fmt::format(R"("fields":[{{"name":"x","type":"struct","size":{},"struct":{{"fields":[
        {{"name":"y","type":"uint16","size":2}}]}}}}])",
                       size);
  };
  EXPECT_EQ(fields_of("AB", of_size(2)), R"({"x":{"y":16706}})");
  EXPECT_THAT(fields_of("A", of_size(1)), HasSubstr("2 bytes are wanted at 42, where 1 are left"));
  EXPECT_THAT(fields_of("ABC", of_size(3)), HasSubstr("1 bytes at 44 are not described"));
  EXPECT_THAT(fields_of("\x05\x03"
                        "d/t\0\0\0\x01"s,
                        R"("fields":[],"subsections":[{"vmsd_name":"d/s","version":1,"fields":[]}])"),
              HasSubstr("no subsection d/s at byte"));
}

TEST(MigrationStream, RefusesWhatWouldGrowBeyondBounds) {
  EXPECT_THAT(fields_of("A", R"("fields":[{"name":"x","array_len":4294967295,"type":"uint8","size":1}])"),
              HasSubstr("more bytes than there are"));
  // Without bytes there is no end to elements.
  EXPECT_THAT(fields_of("", R"("fields":[{"name":"x","array_len":4294967295,"type":"struct","size":0,
                               "struct":{"fields":[{"name":"y","type":"buffer","size":0}]}}])"),
              HasSubstr("more than 1048576 values"));
  std::string nested = R"({"name":"x","type":"uint8","size":1})";
  for (int depth = 0; depth < 12; ++depth)
    nested = fmt::format(R"({{"name":"x","type":"struct","size":1,"struct":{{"fields":[{}]}}}})", nested);
  EXPECT_THAT(fields_of("A", fmt::format(R"("fields":[{}])", nested)), HasSubstr("too deep"));
}

TEST(MigrationStream, RefusesOtherFiles) {
  const std::string good = stream_of("A", R"("fields":[{"name":"x","type":"uint8","size":1}])");
  ASSERT_TRUE(decode_migration_stream(good));
  EXPECT_FALSE(decode_migration_stream(good + "\n"));
  // Each byte of the magic, of its version, of the section around the field and of what ends it.
  const std::size_t section = good.find('\x04');
  for (std::size_t at = 0; at < good.find('{'); ++at) {
    const bool before = at >= 8 && at < section;
    const bool device_version = at >= section + 11 && at < section + 15;
    const bool field = at == section + 15;
    std::string other = good;
    other[at] = static_cast<char>(other[at] + 1);
    EXPECT_EQ(decode_migration_stream(other).has_value(), before || device_version || field) << at;
  }
  std::string other = good;
  other.back() = '.';
  EXPECT_THAT(decode_migration_stream(other).error().message(), HasSubstr("no JSON"));
}

TEST(MigrationStream, CutOffItIsAnError) {
  for (const char* const name : {"arm64-6.12.stream.zst", "pseries-6.12-xics.stream.zst"}) {
    const std::string stream = read_compressed(std::filesystem::path("device-state") / name);
    ASSERT_TRUE(decode_migration_stream(stream)) << name;
    const std::string_view whole = stream;
    for (std::size_t size = 0; size < 200; ++size)
      EXPECT_FALSE(decode_migration_stream(whole.substr(0, size))) << size;
    for (std::size_t size = 0; size < stream.size(); size += stream.size() / 50)
      EXPECT_FALSE(decode_migration_stream(whole.substr(0, size))) << size;
    EXPECT_THAT(decode_migration_stream(whole.substr(0, stream.size() - 1)).error().message(),
                HasSubstr("cut off"));
  }
}

TEST(MigrationStream, AByteTooFewOrTooManyIsAnError) {
  const std::string good = read_compressed("device-state/arm64-6.12.stream.zst");
  for (const char* const device : {"arm_gicv3", "pl011", "globalstate"}) {
    const std::size_t at = good.find(fmt::format("{}{}", static_cast<char>(strlen(device)), device));
    ASSERT_NE(at, std::string::npos) << device;
    std::string other = good;
    EXPECT_FALSE(decode_migration_stream(other.erase(at + 30, 1))) << device;
    other = good;
    EXPECT_FALSE(decode_migration_stream(other.insert(at + 30, 1, '\0'))) << device;
  }
}

}  // namespace
}  // namespace crashpath
