#include "tests/corpus/trial_copy.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace crashpath {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(CRASHPATH_TESTS_DIR) / "corpus";

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.native());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_text(const fs::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out) throw std::runtime_error("cannot write " + file.native());
}

std::vector<std::string> read_lines(const fs::path& file) {
  std::istringstream text(read_text(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::string read_compressed(const fs::path& name) {
  const fs::path file = kCorpus / name;
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  if (archive_read_open_filename(reader.get(), file.c_str(), 1 << 16) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    throw std::runtime_error(file.native() + ": " + archive_error_string(reader.get()));
  std::string content;
  std::string block(1 << 16, '\0');
  la_ssize_t count = 0;
  while ((count = archive_read_data(reader.get(), block.data(), block.size())) > 0)
    content.append(block, 0, static_cast<std::size_t>(count));
  if (count < 0) throw std::runtime_error("cannot decompress " + file.native());
  return content;
}

TrialCopy::TrialCopy(std::string_view name) {
  std::string pattern = (fs::temp_directory_path() / "crashpath-test-XXXXXX").native();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  directory_ = pattern;
  for (const fs::directory_entry& file : fs::directory_iterator(kCorpus / "trials" / name)) {
    if (file.path().extension() == ".zst")
      write_text(directory_ / file.path().stem(), read_compressed(file.path()));
    else
      fs::copy_file(file.path(), directory_ / file.path().filename());
  }
}

TrialCopy::~TrialCopy() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void TrialCopy::remove(std::string_view file) {
  if (!fs::remove(path(file))) throw std::runtime_error("no file " + std::string(file));
}

void TrialCopy::truncate(std::string_view file, std::uintmax_t size) {
  fs::resize_file(path(file), size);
}

void TrialCopy::replace(std::string_view file, std::string_view from, std::string_view to) {
  std::string text = read_text(path(file));
  std::size_t at = text.find(from);
  if (at == std::string::npos)
    throw std::runtime_error("no '" + std::string(from) + "' in " + std::string(file));
  for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  write_text(path(file), text);
}

void TrialCopy::flip_byte(std::string_view file, std::uintmax_t offset) {
  std::string content = read_text(path(file));
  content.at(offset) = static_cast<char>(~content[offset]);
  write_text(path(file), content);
}

void TrialCopy::keep_lines(std::string_view file, const std::function<bool(const std::string&)>& keep) {
  std::string kept;
  for (const std::string& line : read_lines(path(file))) {
    if (keep(line)) kept += line + "\n";
  }
  write_text(path(file), kept);
}

void TrialCopy::edit_messages(const std::function<void(boost::json::object&)>& edit) {
  std::string edited;
  for (const std::string& line : read_lines(path("agent.jsonl"))) {
    boost::json::value entry = boost::json::parse(line);
    edit(entry.as_object().at("message").as_object());
    edited += boost::json::serialize(entry) + "\n";
  }
  write_text(path("agent.jsonl"), edited);
}

void TrialCopy::set_guest_file(std::string_view kernel, std::string_view guest_path, std::string_view text) {
  edit_messages([&](boost::json::object& message) {
    if (message.at("kernel").as_string() != kernel || !message.contains("files")) return;
    message.at("files").as_object()[guest_path] = text;
  });
}

}  // namespace crashpath
