#include "harness/report/html_tree.h"

#include <sstream>

#include "harness/base/text.h"

namespace crashpath::html {

pugi::xml_node element(pugi::xml_node parent, const char* name, std::string_view css_class) {
  pugi::xml_node node = parent.append_child(name);
  if (!css_class.empty()) attribute(node, "class", css_class);
  return node;
}

void attribute(pugi::xml_node node, const char* name, std::string_view value) {
  node.append_attribute(name).set_value(printable(value).c_str());
}

pugi::xml_node text(pugi::xml_node node, std::string_view text) {
  node.append_child(pugi::node_pcdata).set_value(printable(text).c_str());
  return node;
}

void Lines::add(std::string_view line) {
  pre_.append_child(pugi::node_pcdata).set_value((printable(line) + "\n").c_str());
}

std::string serialize(const pugi::xml_document& document) {
  std::ostringstream out;
  // An HTML parser takes "<td/>" for a <td> that is never closed.
  document.save(out, "", pugi::format_raw | pugi::format_no_empty_element_tags | pugi::format_no_declaration);
  return out.str();
}

}  // namespace crashpath::html
