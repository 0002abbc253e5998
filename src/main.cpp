// polyvisor's entry point. Everything is in src/cli.
#include "cli/cli.h"

int main(int argc, char** argv) { return pv::cli::main(argc, argv); }
