# Cross toolchain for powerpc: Debian's packaged powerpc-linux-gnu compilers.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR powerpc)
set(CMAKE_C_COMPILER powerpc-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER powerpc-linux-gnu-g++)
# One binary for e500v2 (8548) and e5500: neither lwsync, which an e500v2 does not know (GCC then
# writes sync), nor AltiVec. The floating-point ABI is Debian's; an e500v2's kernel emulates it.
set(CMAKE_C_FLAGS_INIT "-mcpu=8548")
set(CMAKE_CXX_FLAGS_INIT "-mcpu=8548")
set(CMAKE_OBJCOPY powerpc-linux-gnu-objcopy)
set(CMAKE_STRIP powerpc-linux-gnu-strip)
set(CMAKE_LIBRARY_ARCHITECTURE powerpc-linux-gnu)
set(CMAKE_FIND_ROOT_PATH /usr/powerpc-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
