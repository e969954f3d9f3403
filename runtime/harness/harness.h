// The executable around a net: files in, files out, timing. Linked with one generated net through its description:
//   int main(int argc, char** argv) { return cortado::harness_main(foo_net, argc, argv); }
#pragma once

#include "cortado/model.h"

namespace cortado {

// The process's exit code: 0, 1 = the net or a file failed, 2 = the command line is wrong.
int harness_main(const NetDescription& net, int argc, char** argv);

}  // namespace cortado
