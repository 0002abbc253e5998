# pv_layer(NAME
#   SOURCES a.cpp b.cpp          the layer: static library pv_NAME, alias pv::NAME
#   DEPENDS base hv              layers below it
#   LIBS fdt z                   third-party libraries (see pv_use_library)
#   TESTS a_test.cpp             one executable NAME_tests, one CTest entry
#   TREE_TESTS b_test.cpp        those of TESTS that read files of this tree, under PV_SOURCE_DIR
#   TEST_DEPENDS machine         layers that only the tests need
#   TEST_LIBS capstone           third-party libraries that only the tests need: PV_HAVE_CAPSTONE
#                                says whether this build has it
#   FUZZERS a_fuzz.cpp)          one executable NAME_a_fuzz each; seeds stand in a_corpus/
#
# A layer without SOURCES (headers only) becomes an interface library.
function(pv_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 L "" "" "SOURCES;DEPENDS;LIBS;TESTS;TREE_TESTS;TEST_DEPENDS;TEST_LIBS;FUZZERS")
  if(L_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pv_layer(${name}): unknown arguments ${L_UNPARSED_ARGUMENTS}")
  endif()
  set(target pv_${name})
  list(TRANSFORM L_DEPENDS PREPEND pv_ OUTPUT_VARIABLE below)
  if(L_SOURCES)
    add_library(${target} STATIC ${L_SOURCES})
    target_link_libraries(${target} PUBLIC pv_strict ${below} PRIVATE pv_layer_options)
    foreach(lib IN LISTS L_LIBS)
      pv_use_library(${target} ${lib})
    endforeach()
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE pv_strict ${below})
  endif()
  add_library(pv::${name} ALIAS ${target})
  if(NOT PV_TESTS)
    return()
  endif()

  list(TRANSFORM L_TEST_DEPENDS PREPEND pv_ OUTPUT_VARIABLE beside)
  if(L_TESTS AND NOT PV_LIBFUZZER)
    pv_test_program(${name} ${target} ${L_TESTS})
    target_link_libraries(${name}_tests PRIVATE ${beside})
    foreach(lib IN LISTS L_TEST_LIBS)
      pv_use_library(${name}_tests ${lib})
    endforeach()
    # Not for all: what is compiled with this clone's place is of no use to another one (ccache).
    set_source_files_properties(${L_TREE_TESTS} PROPERTIES
      COMPILE_DEFINITIONS PV_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  endif()

  foreach(source IN LISTS L_FUZZERS)
    get_filename_component(stem ${source} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" subject ${stem})
    get_filename_component(folder ${source} DIRECTORY)
    set(fuzzer ${name}_${subject}_fuzz)
    set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${subject}_corpus)
    add_executable(${fuzzer} ${source})
    if(PV_STATIC)
      target_link_options(${fuzzer} PRIVATE -static)
    endif()
    target_link_libraries(${fuzzer} PRIVATE ${target} ${beside} pv_test_options)
    target_include_directories(${fuzzer} PRIVATE ${PROJECT_SOURCE_DIR})
    if(PV_LIBFUZZER)
      target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
    else()
      target_sources(${fuzzer} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/fuzz_main.cpp)
      add_test(NAME fuzz/${name}/${subject} COMMAND ${fuzzer} ${corpus})
      set_tests_properties(fuzz/${name}/${subject} PROPERTIES LABELS fuzz TIMEOUT 120)
    endif()
  endforeach()
endfunction()

# The executable NAME_tests of these sources, over the library `target`, and its CTest entry.
function(pv_test_program name target)
  find_package(GTest REQUIRED)
  find_package(Threads REQUIRED)
  add_executable(${name}_tests ${ARGN})
  if(PV_STATIC)
    target_link_options(${name}_tests PRIVATE -static)   # runs on any host of the architecture
  endif()
  target_link_libraries(${name}_tests PRIVATE ${target} GTest::gtest_main Threads::Threads pv_test_options)
  target_include_directories(${name}_tests PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${name}_tests PRIVATE GTEST_HAS_RTTI=0)
  add_test(NAME ${name} COMMAND ${name}_tests WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()
