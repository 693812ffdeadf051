#include "harness/report/memory_picture.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/evidence/directory.h"
#include "harness/evidence/memory_changes.h"
#include "harness/evidence/ranges.h"
#include "harness/report/html_tree.h"

namespace crashpath {
namespace {

constexpr std::uint64_t kColumns = 64;
constexpr std::uint64_t kMostCells = 2048;
constexpr std::uint64_t kCell = 10;   // of the picture's own units
constexpr std::uint64_t kLabel = 90;  // width of the addresses on the left
constexpr std::size_t kMostRanges = 100;

/// What a cell shows; cells of a row that show the same are drawn as one.
struct Look {
  std::size_t resident = 0;  ///< whose memory it is, mostly
  bool unowned = false;      ///< a page changed that nobody may write to
  int level = 0;             ///< how much of it changed: 0 nothing, 1 little, 2 less than half, 3 more
  bool operator==(const Look&) const = default;
};

struct Cell {
  explicit Cell(std::size_t residents) : pages(residents), changed(residents) {}
  std::vector<std::uint64_t> pages, changed;  ///< of each resident
  std::uint64_t all = 0, all_changed = 0, unowned = 0;
};

class MemoryPicture {
 public:
  static Result<MemoryPicture> read(const Evidence& evidence, Moment from, Moment to);
  void add_to(pugi::xml_node parent) const;

 private:
  MemoryPicture(std::vector<MemoryOwner> residents, const PageHashes& before, const PageHashes& after)
      : residents_(std::move(residents)), before_(before), after_(after) {}

  void count();
  Look look_of(const Cell& cell) const;
  std::string css_class(std::size_t resident) const;
  void add_map(pugi::xml_node parent) const;
  void add_row(pugi::xml_node svg, std::size_t first) const;
  void add_legend(pugi::xml_node parent) const;
  void add_unowned(pugi::xml_node parent) const;

  std::vector<MemoryOwner> residents_;  ///< the first kernel, which has the rest, is behind them
  const PageHashes& before_;
  const PageHashes& after_;
  bool judged_ = false;  ///< the first kernel is dead, and nobody may write to what was its own
  std::vector<Range> unowned_;
  std::vector<IomemEntry> iomem_;
  std::uint64_t cell_pages_ = 1;
  std::vector<Cell> cells_;
  Cell total_{0};
};

Result<MemoryPicture> MemoryPicture::read(const Evidence& evidence, Moment from, Moment to) {
  const PageHashes& before = *CP_TRY(evidence.page_hashes(from));
  const PageHashes& after = *CP_TRY(evidence.page_hashes(to));
  auto writers = CP_TRY(memory_owners(evidence, from));
  auto changes = CP_TRY(find_memory_changes(before, after, writers));
  MemoryPicture picture(CP_TRY(memory_residents(evidence, std::move(writers))), before, after);
  picture.judged_ = from != Moment::armed;
  if (picture.judged_) picture.unowned_ = std::move(changes.unowned);
  picture.iomem_ = CP_TRY(parse_iomem(CP_TRY(evidence.guest_file(Kernel::first, "/proc/iomem"))));
  picture.count();
  return picture;
}

void MemoryPicture::count() {
  const std::uint64_t pages = before_.hashes.size();
  while (pages > kMostCells * cell_pages_) cell_pages_ *= 2;
  std::vector<std::size_t> resident(pages, residents_.size());
  for (std::size_t one = residents_.size(); one-- > 0;)  // backwards: the first one of the list has a page
    for (const Range& range : residents_[one].ranges)
      for (std::uint64_t at = std::max(range.begin, before_.ram_base);
           at < range.end && (at - before_.ram_base) / kHashedPageSize < pages; at += kHashedPageSize)
        resident[(at - before_.ram_base) / kHashedPageSize] = one;

  cells_.assign((pages + cell_pages_ - 1) / cell_pages_, Cell(residents_.size() + 1));
  total_ = Cell(residents_.size() + 1);
  for (std::uint64_t page = 0; page < pages; ++page)
    for (Cell* cell : {&cells_[page / cell_pages_], &total_}) {
      ++cell->pages[resident[page]];
      ++cell->all;
      if (before_.hashes[page] == after_.hashes[page]) continue;
      ++cell->changed[resident[page]];
      ++cell->all_changed;
    }
  for (const Range& page : unowned_)
    ++cells_[(page.begin - before_.ram_base) / kHashedPageSize / cell_pages_].unowned;
}

Look MemoryPicture::look_of(const Cell& cell) const {
  Look look{.resident = residents_.size(), .unowned = cell.unowned > 0, .level = 0};
  // Who changed most of it; where nothing changed, who has most of it besides the first kernel.
  const auto& by = cell.all_changed > 0 ? cell.changed : cell.pages;
  const auto end = cell.all_changed > 0 ? by.end() : by.end() - 1;
  const auto most = std::max_element(by.begin(), end);
  if (most != end && *most > 0) look.resident = static_cast<std::size_t>(most - by.begin());
  if (cell.all_changed > 0) look.level = cell.all_changed * 2 > cell.all ? 3 : 2;
  if (cell.all_changed > 0 && cell.all_changed * 20 < cell.all) look.level = 1;
  return look;
}

std::string MemoryPicture::css_class(std::size_t resident) const {
  return resident == residents_.size() ? "first" : fmt::format("o{}", resident);
}

/// The cells of one row, from this one on.
void MemoryPicture::add_row(pugi::xml_node svg, std::size_t first) const {
  const std::size_t end = std::min(first + kColumns, cells_.size());
  const std::uint64_t y = first / kColumns * kCell;
  for (std::size_t begin = first, next = first; begin < end; begin = next) {
    const Look look = look_of(cells_[begin]);
    std::uint64_t pages = 0, changed = 0;
    for (; next < end && look_of(cells_[next]) == look; ++next) {
      pages += cells_[next].all;
      changed += cells_[next].all_changed;
    }
    const pugi::xml_node rect = html::element(
        svg, "rect", look.unowned ? "unowned" : fmt::format("{} l{}", css_class(look.resident), look.level));
    html::attribute(rect, "x", fmt::format("{}", kLabel + (begin - first) * kCell));
    html::attribute(rect, "y", fmt::format("{}", y));
    html::attribute(rect, "width", fmt::format("{}", (next - begin) * kCell));
    html::attribute(rect, "height", fmt::format("{}", kCell - 1));
    const std::uint64_t address = before_.ram_base + begin * cell_pages_ * kHashedPageSize;
    html::text(
        html::element(rect, "title"),
        fmt::format("{}: {}{}, {} of {} pages changed",
                    to_string(Range{address, address + pages * kHashedPageSize}),
                    look.resident == residents_.size() ? "first kernel" : residents_[look.resident].name,
                    look.unowned ? ", with pages that nobody may write to" : "", changed, pages));
  }
}

void MemoryPicture::add_map(pugi::xml_node parent) const {
  const std::uint64_t rows = (cells_.size() + kColumns - 1) / kColumns;
  const pugi::xml_node svg = html::element(parent, "svg", "memory");
  html::attribute(svg, "viewBox", fmt::format("0 0 {} {}", kLabel + kColumns * kCell, rows * kCell));
  html::attribute(svg, "role", "img");
  html::attribute(svg, "aria-label", "map of the guest's RAM");
  for (std::size_t first = 0; first < cells_.size(); first += kColumns) {
    if (first / kColumns % 4 == 0) {
      const pugi::xml_node label = html::element(svg, "text");
      html::attribute(label, "x", "0");
      html::attribute(label, "y", fmt::format("{}", first / kColumns * kCell + kCell - 2));
      html::text(label, fmt::format("{:#x}", before_.ram_base + first * cell_pages_ * kHashedPageSize));
    }
    add_row(svg, first);
  }
}

void MemoryPicture::add_legend(pugi::xml_node parent) const {
  const pugi::xml_node table = html::element(parent, "table", "legend");
  const pugi::xml_node head = html::element(table, "tr");
  for (const char* title : {"", "whose", "pages of 4 KiB", "changed"})
    html::text(html::element(head, "th"), title);
  const auto add = [&table](std::string_view css, std::string_view name, std::uint64_t pages,
                            std::uint64_t changed) {
    const pugi::xml_node row = html::element(table, "tr");
    html::element(html::element(row, "td"), "span", fmt::format("swatch {}", css));
    html::text(html::element(row, "td"), name);
    html::text(html::element(row, "td", "number"), fmt::format("{}", pages));
    html::text(html::element(row, "td", "number"), fmt::format("{}", changed));
  };
  for (std::size_t one = 0; one <= residents_.size(); ++one)
    add(css_class(one), one == residents_.size() ? "first kernel" : residents_[one].name, total_.pages[one],
        total_.changed[one]);
  if (judged_) add("unowned", "of these: nobody may write there", unowned_.size(), unowned_.size());
}

void MemoryPicture::add_unowned(pugi::xml_node parent) const {
  if (unowned_.empty()) return;
  const std::vector<Range> ranges = normalized(unowned_);
  const pugi::xml_node list = html::element(parent, "ul", "unowned-pages");
  for (std::size_t i = 0; i < ranges.size() && i < kMostRanges; ++i)
    html::text(html::element(list, "li"),
               fmt::format("{} in {}", to_string(ranges[i]), place_in_iomem(iomem_, ranges[i].begin)));
  if (ranges.size() > kMostRanges)
    html::text(html::element(list, "li"), fmt::format("and {} more ranges", ranges.size() - kMostRanges));
}

void MemoryPicture::add_to(pugi::xml_node parent) const {
  html::text(html::element(parent, "p", "note"),
             fmt::format("A cell is {} KiB of RAM; the stronger its colour, the more of it changed.{}",
                         cell_pages_ * kHashedPageSize / 1024,
                         judged_ ? "" : " The first kernel was alive and wrote to its memory."));
  add_map(parent);
  add_legend(parent);
  add_unowned(parent);
}

}  // namespace

void add_memory_pictures(pugi::xml_node parent, const Evidence& evidence) {
  std::vector<Moment> recorded;
  for (const Moment moment : kMoments)
    if (evidence.has(evidence_file::page_hashes(moment))) recorded.push_back(moment);
  for (std::size_t i = 1; i < recorded.size(); ++i) {
    html::text(html::element(parent, "h4"), fmt::format("Memory from \"{}\" to \"{}\"",
                                                        to_string(recorded[i - 1]), to_string(recorded[i])));
    const auto picture = MemoryPicture::read(evidence, recorded[i - 1], recorded[i]);
    if (picture)
      picture->add_to(parent);
    else
      html::text(html::element(parent, "p", "note"),
                 fmt::format("There is no picture: {}", picture.error().message()));
  }
}

}  // namespace crashpath
