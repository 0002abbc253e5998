# `cmake --install`: the binary, its manual page and its shell completion.
include(GNUInstallDirs)
if(TARGET polyvisor)
  install(TARGETS polyvisor RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
