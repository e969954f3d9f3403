// The executable of the example net, as the compiler prints it.
#include "../harness/harness.h"

extern const cortado::NetDescription example_net;

int main(int argc, char** argv) { return cortado::harness_main(example_net, argc, argv); }
