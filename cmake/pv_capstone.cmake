# capstone 5 for polyvisor-debug and the tests of src/inspect/instruction_text.h: compiled once for each
# compiler by tools/capstone (docs/decisions/capstone-apart.md). The release binary stays without it.
option(PV_CAPSTONE "build polyvisor-debug, the monitor that disassembles with capstone 5" OFF)

set(PV_CAPSTONE_FOLDER "")
if(PV_CAPSTONE AND NOT PV_LIBFUZZER)
  separate_arguments(flags UNIX_COMMAND "${CMAKE_C_FLAGS}")
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/tools/capstone ${CMAKE_C_COMPILER} ${flags}
    OUTPUT_VARIABLE PV_CAPSTONE_FOLDER OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_VARIABLE complaint RESULT_VARIABLE failed)
  if(failed)
    set(PV_CAPSTONE_FOLDER "")
    message(WARNING "no capstone, so no polyvisor-debug: ${complaint}")
  endif()
endif()

# Gives `target` the disassembler: its definitions stand before the layer's, which the linker then leaves out.
function(pv_with_capstone target)
  set(source ${PROJECT_SOURCE_DIR}/src/inspect/instruction_text_capstone.cpp)
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-isystem;${PV_CAPSTONE_FOLDER}/include")
  target_sources(${target} PRIVATE ${source})
  target_link_libraries(${target} PRIVATE ${PV_CAPSTONE_FOLDER}/lib/libcapstone.a)
endfunction()
