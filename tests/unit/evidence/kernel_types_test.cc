#include "harness/evidence/kernel_types.h"

#include <gmock/gmock.h>

#include "tests/unit/evidence/synthetic_btf.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

/// struct box { const struct { u64 flags; } *inner; __be32 desc; union { int value; struct { u8 low : 3, high
/// : 5;
/// }; }; char name[8]; };
std::vector<std::byte> box() {
  SyntheticBtf btf;
  const int u8 = btf.integer("unsigned char", 1);
  const int u32 = btf.integer("unsigned int", 4);
  const int u64 = btf.integer("long unsigned int", 8);
  const int value = btf.integer("int", 4, BTF_INT_SIGNED);
  const int be32 = btf.alias("__be32", btf.alias("__u32", u32));
  const int text = btf.array(u32, btf.integer("char", 1), 8);
  const int inner = btf.structure("", 8);
  btf.member("flags", u64, 0);
  const int to_inner = btf.pointer(btf.constant(inner));
  const int bits = btf.structure("", 1);
  btf.member("low", u8, 0, 3);
  btf.member("high", u8, 3, 5);
  const int either = btf.either("", 4);
  btf.member("value", value, 0);
  btf.member("", bits, 0);
  btf.structure("box", 24);
  btf.member("inner", to_inner, 0);
  btf.member("desc", be32, 64);
  btf.member("", either, 96);
  btf.member("name", text, 128);
  return btf.bytes();
}

class KernelTypesTest : public testing::Test {
 protected:
  std::shared_ptr<const KernelTypes> types_ = KernelTypes::parse(box()).value();
  KernelType box_ = types_->find("struct box").value();
};

TEST_F(KernelTypesTest, FindsTypesByTheirNamesInC) {
  EXPECT_EQ(types_->size(box_).value(), 24U);
  EXPECT_EQ(types_->size(types_->find("long unsigned int").value()).value(), 8U);
  EXPECT_EQ(types_->size(types_->find("__be32").value()).value(), 4U);
  EXPECT_EQ(types_->size(types_->find("struct box **").value()).value(), 8U);
  EXPECT_EQ(types_->find("struct box **")->pointers, 2);
  EXPECT_EQ(types_->find("void *")->id, 0U);
  for (const char* name : {"struct crate", "union box", "box", "struct ", "", "*"}) {
    const auto missing = types_->find(name);
    ASSERT_FALSE(missing) << name;
    EXPECT_EQ(missing.error().fault(), Fault::lacks);
  }
}

TEST_F(KernelTypesTest, FindsMembers) {
  EXPECT_EQ(types_->member(box_, "desc")->offset, 8U);
  EXPECT_EQ(types_->member(box_, "value")->offset, 12U) << "of an anonymous union";
  const KernelMember high = types_->member(box_, "high").value();
  EXPECT_EQ(high.offset, 12U);
  ASSERT_TRUE(high.bits);
  EXPECT_EQ(high.bits->shift, 3U);
  EXPECT_EQ(high.bits->count, 5U);
  EXPECT_FALSE(types_->member(box_, "desc")->bits);
  const auto missing = types_->member(box_, "colour");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault(), Fault::lacks);
  EXPECT_THAT(missing.error().message(), HasSubstr("'box' has no member 'colour'"));
  EXPECT_EQ(types_->member(box_, "desc.colour").error().fault(), Fault::guest) << "a number has no members";
  EXPECT_FALSE(types_->member(box_, ""));
  EXPECT_FALSE(types_->member({box_.id, 1}, "desc")) << "a pointer has no members";
}

TEST_F(KernelTypesTest, KnowsWhatMembersAre) {
  const auto inner = types_->pointed_to(types_->member(box_, "inner")->type).value();
  EXPECT_EQ(types_->member(inner, "flags")->offset, 0U) << "behind a pointer to a constant";
  const auto name = types_->array(types_->member(box_, "name")->type).value();
  EXPECT_EQ(name.count, 8U);
  EXPECT_EQ(types_->size(name.element).value(), 1U);
  const auto desc = types_->number(types_->member(box_, "desc")->type).value();
  EXPECT_TRUE(desc.big_endian);
  EXPECT_EQ(desc.size, 4U);
  EXPECT_TRUE(types_->number(types_->member(box_, "value")->type)->is_signed);
  EXPECT_EQ(types_->number({box_.id, 1})->size, 8U);
  EXPECT_FALSE(types_->number(box_));
  EXPECT_FALSE(types_->array(box_));
  EXPECT_FALSE(types_->pointed_to(box_));
  EXPECT_FALSE(types_->size({999, 0}));
}

TEST(KernelTypes, WhatIsNoBtfIsTheGuestsFault) {
  std::vector<std::byte> bytes = box();
  EXPECT_EQ(KernelTypes::parse({}).error().fault(), Fault::guest);
  EXPECT_EQ(KernelTypes::parse(std::vector<std::byte>(4096)).error().fault(), Fault::guest);
  for (std::size_t size = 1; size < bytes.size(); ++size)
    EXPECT_FALSE(KernelTypes::parse(std::span(bytes).first(size))) << size;
  std::swap(bytes[0], bytes[1]);
  EXPECT_FALSE(KernelTypes::parse(bytes)) << "of the other byte order";
}

TEST(KernelTypes, TypesThatLeadNowhereAreAnError) {
  SyntheticBtf btf;
  btf.alias("round", 2);
  btf.alias("and_round", 1);
  btf.structure("of_nothing", 8);
  btf.member("nothing", 1000, 0);
  const auto types = KernelTypes::parse(btf.bytes()).value();
  const KernelType round = types->find("round").value();
  EXPECT_EQ(types->number(round).error().fault(), Fault::guest);
  EXPECT_FALSE(types->size(round));
  EXPECT_FALSE(types->size(types->member(types->find("struct of_nothing").value(), "nothing")->type));
}

TEST(KernelTypes, StructuresThatHoldThemselvesAreAnError) {
  SyntheticBtf btf;
  btf.structure("endless", 8);
  for (int i = 0; i < 100; ++i) btf.member("", 1, 0);
  const auto types = KernelTypes::parse(btf.bytes()).value();
  EXPECT_EQ(types->member(types->find("struct endless").value(), "x").error().fault(), Fault::guest);
}

}  // namespace
}  // namespace crashpath
