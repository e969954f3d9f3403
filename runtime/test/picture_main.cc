// The executable of the picture net, as the compiler prints it.
#include "../harness/harness.h"

extern const cortado::NetDescription picture_net;

int main(int argc, char** argv) { return cortado::harness_main(picture_net, argc, argv); }
