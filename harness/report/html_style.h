#pragma once

// How report.html looks, by light and by dark. It stands in the page as text of the tree: no "<", ">" or "&".

#include <string_view>

namespace crashpath {

inline constexpr std::string_view kHtmlStyle = R"(
:root { color-scheme: light dark; --back: #fff; --text: #1c2126; --soft: #667; --line: #d5dae0; --block: #f4f6f8;
  --pass: #1a7f37; --fail: #c62828; --error: #8e24aa; --wait: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --text: #dde2e7; --soft: #98a2ad; --line: #333a42;
  --block: #1d2126; --pass: #56c271; --fail: #ff7b72; --error: #d38bea; --wait: #e3b341; } }
body { background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif; max-width: 1200px;
  margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h4 { margin: 1rem 0 .2rem; }
a { color: inherit; } .note, dt, .files { color: var(--soft); font-size: .87rem; margin: .2rem 0; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid var(--line); padding: .25rem .55rem; text-align: left; vertical-align: top; font-size: .9rem; }
th { font-weight: 600; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.name { font-family: monospace; white-space: nowrap; } .none { color: var(--soft); }
.pass { color: var(--pass); } .fail, .xpass { color: var(--fail); font-weight: 600; }
.error { color: var(--error); font-weight: 600; } .skip, .xfail { color: var(--wait); }
.outcome { border: 1px solid; border-radius: .6rem; padding: 0 .5rem; white-space: nowrap; }
details.trial { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .8rem; margin: .6rem 0; }
details.trial details { margin: .4rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
.words { overflow-wrap: anywhere; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .5rem 0; }
dd { margin: 0; font-size: .87rem; } .checks td { overflow-wrap: anywhere; }
pre { background: var(--block); padding: .5rem .7rem; overflow-x: auto; font-size: .8rem; line-height: 1.35; }
svg.stages { display: block; width: 100%; height: 12px; margin: .4rem 0; }
svg.memory { display: block; width: 100%; max-width: 900px; } svg.memory text { font: 8px monospace; fill: var(--soft); }
.swatch { display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; }
.s0 { fill: #9aa5b1; background: #9aa5b1; } .s1 { fill: #4c8dd6; background: #4c8dd6; }
.s2 { fill: #57b0a5; background: #57b0a5; } .s3 { fill: #d9534f; background: #d9534f; }
.s4 { fill: #e8903a; background: #e8903a; } .s5 { fill: #c9a227; background: #c9a227; }
.s6 { fill: #7a68c4; background: #7a68c4; } .s7 { fill: #6b9e3f; background: #6b9e3f; }
.first { fill: #8a949e; background: #8a949e; } .unowned { fill: #e5091a; background: #e5091a; }
.o0 { fill: #4c8dd6; background: #4c8dd6; } .o1 { fill: #c9a227; background: #c9a227; }
.o2 { fill: #57b0a5; background: #57b0a5; } .o3 { fill: #a45fc4; background: #a45fc4; }
.o4 { fill: #d97b3a; background: #d97b3a; } .o5 { fill: #6b9e3f; background: #6b9e3f; }
.l0 { fill-opacity: .22; } .l1 { fill-opacity: .5; } .l2 { fill-opacity: .75; } .l3 { fill-opacity: 1; }
)";

}  // namespace crashpath
