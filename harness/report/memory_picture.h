#pragma once

// What became of a guest's memory between two moments, as a map for a person.

#include <pugixml.hpp>

#include "harness/evidence/evidence.h"

namespace crashpath {

/// For each two moments, one after the other, at which a trial's memory was recorded: an SVG map of the RAM,
/// its legend, and the pages that changed although nobody may write to them. Where that cannot be drawn it
/// says why; a trial without two such moments gets nothing.
void add_memory_pictures(pugi::xml_node parent, const Evidence& evidence);

}  // namespace crashpath
