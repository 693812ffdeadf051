#include "guestimages/agent/kallsyms.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

constexpr std::string_view kallsyms =
    "0000000000000000 A fixed_percpu_data\n"
    "ffffd3b6c2a10000 T _text\n"
    "ffffd3b6c2a10000 t state\n"
    "ffffd3b6c2a20000 t state\n"
    "ffffd3b6a0000000 d crash_flag\t[crash_context]\n";

TEST(SymbolLookup, FindsTheFirstOfAName) {
  SymbolLookup symbols({"_text", "state", "crash_flag", "fixed_percpu_data", "nosuch"});
  symbols.append(kallsyms);
  EXPECT_EQ(symbols.found(), (boost::json::object{{"_text", "0xffffd3b6c2a10000"},
                                                  {"state", "0xffffd3b6c2a10000"},
                                                  {"crash_flag", "0xffffd3b6a0000000"}}));
  EXPECT_FALSE(symbols.complete());
}

TEST(SymbolLookup, TakesPiecesCutAnywhereAndKnowsWhenItIsDone) {
  SymbolLookup symbols({"_text"});
  for (const char byte : kallsyms.substr(0, 62)) symbols.append(std::string(1, byte));
  EXPECT_TRUE(symbols.complete());
  EXPECT_EQ(symbols.found().at("_text"), "0xffffd3b6c2a10000");
}

TEST(SymbolLookup, ShrugsAtGarbage) {
  SymbolLookup symbols({"x"});
  symbols.append("\n \nabc\n0 \nffff T\n" + std::string(10000, 'y') + "\n");
  EXPECT_TRUE(symbols.found().empty());
}

}  // namespace
}  // namespace crashpath
