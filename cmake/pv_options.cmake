# Compile and link options, in two interface targets:
#   pv::strict   everything of ours: warnings, language, include root
#   pv::layer    the monitor itself: no exceptions, no RTTI
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(PV_STATIC "link the monitor statically" OFF)
option(PV_LTO "link-time optimisation" OFF)
option(PV_TESTS "build unit tests and fuzzers" ON)
option(PV_LIBFUZZER "link fuzzers with libFuzzer instead of the corpus runner" OFF)
set(PV_SANITIZE "" CACHE STRING "value of -fsanitize for everything, e.g. address,undefined")

find_program(PV_CCACHE ccache)
if(PV_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Another clone of the same commit finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${PV_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

add_library(pv_strict INTERFACE)
add_library(pv::strict ALIAS pv_strict)
target_include_directories(pv_strict INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(pv_strict INTERFACE
  _FILE_OFFSET_BITS=64 _TIME_BITS=64 _GNU_SOURCE PV_VERSION="${PROJECT_VERSION}")
target_compile_options(pv_strict INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -fno-rtti
  # g++ 12 decides what a warning is; clang (tidy, fuzzing) counts sign changes as conversions.
  # Three of its warnings are known to be wrong about libstdc++ 12's containers.
  $<$<CXX_COMPILER_ID:GNU>:-Werror> $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow> $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>
  -ffunction-sections -fdata-sections
  # The same sources give the same bytes wherever the tree lies.
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
target_link_options(pv_strict INTERFACE -Wl,--gc-sections)

# riscv64 has no byte-wide atomic instructions that g++ 12 would use, 32-bit powerpc no 64-bit ones.
if(PV_ARCH MATCHES "^(riscv64|powerpc)$")
  target_link_libraries(pv_strict INTERFACE atomic)
endif()

add_library(pv_layer_options INTERFACE)
add_library(pv::layer ALIAS pv_layer_options)
target_link_libraries(pv_layer_options INTERFACE pv_strict)
target_compile_options(pv_layer_options INTERFACE -fno-exceptions)

# EXPECT_EQ(a, 1) and literals in tables would otherwise need a cast in every line. A target's own
# options stand before those of what it links, so these come by linking, last.
add_library(pv_test_options INTERFACE)
target_compile_options(pv_test_options INTERFACE -Wno-sign-conversion -Wno-conversion)

if(PV_SANITIZE)
  add_compile_options(-fsanitize=${PV_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PV_SANITIZE})
endif()
if(PV_LIBFUZZER)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(PV_LTO)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# Third-party libraries. Cross builds get them from a folder that tools/sysroot keeps in the cache;
# the header-only ones (fmt, nlohmann-json) come from the build machine through a folder of links,
# so that none of its other headers can leak into a cross build.
set(PV_TRIPLET ${CMAKE_LIBRARY_ARCHITECTURE})
set(PV_SYSROOT "")
if(CMAKE_CROSSCOMPILING)
  # Not PV_ARCH: powerpc's two widths have a sysroot each.
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/tools/sysroot ${CMAKE_SYSTEM_PROCESSOR}
    OUTPUT_VARIABLE PV_SYSROOT OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE _failed)
  if(_failed)
    message(FATAL_ERROR
      "tools/sysroot ${CMAKE_SYSTEM_PROCESSOR} failed: the target's libraries are missing")
  endif()
  list(APPEND CMAKE_FIND_ROOT_PATH ${PV_SYSROOT})   # GoogleTest, where the sysroot has it
  set(_headers ${CMAKE_BINARY_DIR}/header-only)
  file(MAKE_DIRECTORY ${_headers})
  foreach(_name fmt nlohmann)
    if(NOT EXISTS /usr/include/${_name})
      message(FATAL_ERROR "/usr/include/${_name} is missing: run tools/setup")
    endif()
    file(CREATE_LINK /usr/include/${_name} ${_headers}/${_name} SYMBOLIC)
  endforeach()
  target_include_directories(pv_strict SYSTEM INTERFACE ${_headers})
  if(PV_SYSROOT)
    target_include_directories(pv_strict SYSTEM INTERFACE ${PV_SYSROOT}/usr/include
      ${PV_SYSROOT}/usr/include/${PV_TRIPLET})
    target_link_directories(pv_strict INTERFACE ${PV_SYSROOT}/usr/lib/${PV_TRIPLET}
      ${PV_SYSROOT}/usr/lib)
  endif()
endif()

# pv_use_library(TARGET NAME): links NAME where this target architecture has it and defines
# PV_HAVE_<NAME> as 1; elsewhere defines it as 0, and the layer must say what it cannot do.
function(pv_use_library target name)
  string(TOUPPER ${name} upper)
  if(CMAKE_CROSSCOMPILING)
    set(PV_LIB_${upper} "")
    file(GLOB PV_LIB_${upper} ${PV_SYSROOT}/usr/lib/${PV_TRIPLET}/lib${name}.a)
  else()
    find_library(PV_LIB_${upper} ${name})
  endif()
  if(PV_LIB_${upper})
    target_link_libraries(${target} PUBLIC ${name})
    target_compile_definitions(${target} PUBLIC PV_HAVE_${upper}=1)
  else()
    message(STATUS "library ${name} is missing for ${PV_ARCH}: its feature is off")
    target_compile_definitions(${target} PUBLIC PV_HAVE_${upper}=0)
  endif()
endfunction()
