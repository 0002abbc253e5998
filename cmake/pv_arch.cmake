# PV_ARCH: the host architecture as the folders of src/machine and src/kvm spell it.
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" _processor)
if(_processor MATCHES "^(x86_64|amd64)$")
  set(PV_ARCH x86_64)
elseif(_processor MATCHES "^(aarch64|arm64)$")
  set(PV_ARCH aarch64)
elseif(_processor MATCHES "^riscv64")
  set(PV_ARCH riscv64)
elseif(_processor MATCHES "^(powerpc|ppc)")
  set(PV_ARCH powerpc)   # 32 and 64 bit: one Book3E host, two widths
else()
  message(FATAL_ERROR "polyvisor knows no host architecture '${CMAKE_SYSTEM_PROCESSOR}'")
endif()
