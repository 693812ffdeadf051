#pragma once

// HTML as a tree, so that whatever a guest wrote is text in it and never markup.

#include <pugixml.hpp>
#include <string>
#include <string_view>

namespace crashpath::html {

/// A new last child of `parent`; without a class when there is none to give.
pugi::xml_node element(pugi::xml_node parent, const char* name, std::string_view css_class = "");
void attribute(pugi::xml_node node, const char* name, std::string_view value);
/// More text of an element, made printable(): one line. Returns the element.
pugi::xml_node text(pugi::xml_node node, std::string_view text);
/// Lines of text in a <pre>: each made printable(), with line ends between them.
class Lines {
 public:
  explicit Lines(pugi::xml_node pre) : pre_(pre) {}
  void add(std::string_view line);

 private:
  pugi::xml_node pre_;
};

/// The document as a browser reads it. White space is as it stands in the tree.
std::string serialize(const pugi::xml_document& document);

}  // namespace crashpath::html
