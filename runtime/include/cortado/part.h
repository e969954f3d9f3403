// The share of a step that one call computes: part `index` of `count`, 0 <= index < count.
#pragma once

namespace cortado {

struct Part {
  int index;
  int count;
};

}  // namespace cortado
