# The bare-metal guests that `polyvisor selftest` runs, inside the binary: built by guest/Makefile for the
# monitor's own architecture, stripped, packed with gzip (which the loader unpacks), written as C++ arrays.
#
# Two uses: included, it defines pv_embed_guests(TARGET); run with -P (-DOUTPUT, -DFOLDER, -DNAMES) it writes
# the arrays. Where the architecture's cross compiler is missing the table is empty, and selftest says so.
if(CMAKE_SCRIPT_MODE_FILE)
  set(arrays "")
  set(rows "")
  string(REPLACE "," ";" names "${NAMES}")   # a list would not survive the shell
  foreach(name IN LISTS names)
    file(READ ${FOLDER}/${name}.gz bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND arrays "constexpr u8 ${name}_gz[] = {\n  ${bytes}};\n")
    string(APPEND rows "    {\"${name}\", ${name}_gz},\n")
  endforeach()
  if(NAMES)
    set(table "constexpr EmbeddedGuest table[] = {\n${rows}};\n")
    set(result "table")
  else()
    set(table "")
    set(result "{}")
  endif()
  file(WRITE ${OUTPUT} "// Written by cmake/pv_embed_guests.cmake.\n#include \"cli/embedded_guests.h\"\n\n"
    "namespace pv::cli {\nnamespace {\n\n${arrays}\n${table}\n}  // namespace\n\n"
    "std::span<const EmbeddedGuest> embedded_guests() { return ${result}; }\n\n}  // namespace pv::cli\n")
  return()
endif()

# Adds the source with the arrays to `target`.
function(pv_embed_guests target)
  set(compilers_aarch64 aarch64-linux-gnu-gcc)
  set(compilers_powerpc powerpc-linux-gnu-gcc)
  set(compilers_riscv64 riscv64-linux-gnu-gcc)
  set(compilers_x86_64 x86_64-linux-gnu-gcc gcc)
  set(strippers_aarch64 aarch64-linux-gnu-strip)
  set(strippers_powerpc powerpc-linux-gnu-strip)
  set(strippers_riscv64 riscv64-linux-gnu-strip)
  set(strippers_x86_64 x86_64-linux-gnu-strip strip)
  find_program(PV_GUEST_CC NAMES ${compilers_${PV_ARCH}})
  find_program(PV_GUEST_STRIP NAMES ${strippers_${PV_ARCH}})
  find_program(PV_GUEST_MAKE NAMES gmake make)
  find_program(PV_GZIP gzip)

  set(names contract echo memtest smp timer virtio widths)
  if(PV_ARCH STREQUAL powerpc)
    list(APPEND names hypercall)
  endif()
  foreach(extra IN LISTS ARGN)
    if(EXISTS ${PROJECT_SOURCE_DIR}/guest/samples/${extra}.c OR EXISTS ${PROJECT_SOURCE_DIR}/guest/samples/${extra}_${PV_ARCH}.c)
      list(APPEND names ${extra})
    endif()
  endforeach()
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_guests.cpp)
  set(script ${PROJECT_SOURCE_DIR}/cmake/pv_embed_guests.cmake)
  if(NOT PV_GUEST_CC OR NOT PV_GUEST_STRIP OR NOT PV_GUEST_MAKE OR NOT PV_GZIP)
    message(STATUS "no compiler for ${PV_ARCH} guests: polyvisor selftest is built without them")
    add_custom_command(OUTPUT ${output} COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DNAMES= -P ${script}
      DEPENDS ${script} VERBATIM)
    target_sources(${target} PRIVATE ${output})
    return()
  endif()

  set(folder ${CMAKE_CURRENT_BINARY_DIR}/embedded)
  list(TRANSFORM names PREPEND ${folder}/${PV_ARCH}/ OUTPUT_VARIABLE programs)
  list(TRANSFORM programs APPEND .elf)
  set(pack "")
  foreach(name IN LISTS names)
    string(APPEND pack "${PV_GUEST_STRIP} -s -o ${folder}/${name} ${folder}/${PV_ARCH}/${name}.elf && "
      "${PV_GZIP} -9nc ${folder}/${name} >${folder}/${name}.gz && ")
  endforeach()
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/guest/*.[chS] ${PROJECT_SOURCE_DIR}/guest/Makefile
    ${PROJECT_SOURCE_DIR}/guest/link.ld)
  list(JOIN names "," joined)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E env --unset=MAKEFLAGS --unset=MAKELEVEL --unset=CC --unset=CFLAGS --unset=LDFLAGS
      ${PV_GUEST_MAKE} --no-print-directory --silent -C ${PROJECT_SOURCE_DIR}/guest ARCH=${PV_ARCH} O=${folder} ${programs}
    COMMAND sh -c "${pack} true"
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DFOLDER=${folder} -DNAMES=${joined} -P ${script}
    DEPENDS ${inputs} ${script} COMMENT "guests of polyvisor selftest for ${PV_ARCH}" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
