#include "memreserve/compare.h"

#include <gmock/gmock.h>

#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// The chain of tests/corpus, with the driver's state as it was read out of the same guest's dump.
class CompareTest : public testing::Test {
 protected:
  LpiState recorded() const {
    LpiState state{.flags = 0x3, .property_table = 0x40200000, .cpus = {}};
    state.cpus.emplace(0, CpuLpiState{0x7, 0});
    state.cpus.emplace(1, CpuLpiState{0, 0x46e10000});
    state.cpus.emplace(2, CpuLpiState{0x5, 0x46e20000});
    state.cpus.emplace(3, CpuLpiState{0, 0x46e30000});
    return state;
  }
  Comparison compare_with(const Result<LpiState>& state) const {
    const Evidence evidence(trial_.directory());
    Witnesses witnesses = gather_witnesses(evidence).value();
    witnesses.states = {{"vmcore", state}};
    return compare(witnesses, to_model(evidence, witnesses.chain, witnesses.machine).value());
  }
  std::vector<std::string> contradictions_with(const LpiState& state) const {
    std::vector<std::string> words;
    for (const Contradiction& each : compare_with(state).contradictions) words.push_back(to_string(each));
    return words;
  }

  TrialCopy trial_{"arm64-6.12-memreserve"};
};

TEST_F(CompareTest, TheDriversStateIsAsPredicted) {
  const Comparison comparison = compare_with(recorded());
  EXPECT_THAT(comparison.contradictions, IsEmpty());
  EXPECT_THAT(comparison.compared, Contains("gic_rdists of vmcore"));
}

TEST_F(CompareTest, FlagsWithoutAReservationAreTold) {
  LpiState state = recorded();
  state.cpus.at(2).flags = 0x1;
  EXPECT_THAT(contradictions_with(state),
              ElementsAre("kernel 1, CPU2: rdist->flags: expected 0x5, got 0x1 (vmcore)"));
}

TEST_F(CompareTest, ATableThatWasNotFreedOrIsAnotherOneIsTold) {
  LpiState state = recorded();
  state.cpus.at(0).pending_table = 0x46e00000;
  state.cpus.at(2).pending_table = 0x46e40000;
  EXPECT_THAT(
      contradictions_with(state),
      ElementsAre(HasSubstr("kernel 1, CPU0: rdist->pend_page: expected NULL, got 0x46e00000"),
                  HasSubstr("kernel 1, CPU2: rdist->pend_page: expected 0x46e20000, got 0x46e40000")));
}

TEST_F(CompareTest, AnotherPropertyTableIsTold) {
  LpiState state = recorded();
  state.property_table = 0x50000000;
  state.flags = 0x1;
  EXPECT_THAT(contradictions_with(state),
              ElementsAre(HasSubstr("RDIST_FLAGS_RD_TABLES_PREALLOCATED: expected yes, got no"),
                          HasSubstr("prop_table_pa: expected 0x40200000")));
}

TEST_F(CompareTest, WhatAKernelDoesNotShowIsSaidAndLeftOut) {
  LpiState state = recorded();
  state.cpus.at(2).flags = Error(Fault::lacks, "there is no member flags");
  const Comparison comparison = compare_with(state);
  EXPECT_THAT(comparison.contradictions, IsEmpty());
  EXPECT_THAT(comparison.lacking, ElementsAre("kernel 1, CPU2: there is no member flags"));
  EXPECT_THAT(compare_with(Error(Fault::lacks, "no BTF")).lacking, ElementsAre(HasSubstr("no BTF")));
}

}  // namespace
}  // namespace crashpath
