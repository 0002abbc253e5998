# The commands of this tree. `make help` lists them; the builds themselves are CMake presets.
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
export JOBS

.DEFAULT_GOAL := release
.PHONY: help release hosts debug guests demo test check bench install uninstall deb clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

release: ## build the static monitor for this machine: build/release/polyvisor
	@tools/setup build
	@tools/build release

hosts: ## build the static monitors for aarch64, riscv64 and powerpc hosts too
	@tools/setup build
	@tools/build release aarch64 riscv64 powerpc powerpc64

debug: ## build the monitor that disassembles guest code too: build/release/polyvisor-debug
	@tools/setup build
	@tools/build release-debug

guests: ## build the bare-metal guests of every architecture: build/guest/
	@tools/setup build
	@tools/build guest

demo: ## a bare-metal guest, then Linux, under polyvisor
	@tools/setup demo
	@tools/demo

test: ## unit, fuzz-corpus, layer and system tests on four architectures
	@tools/setup test || { echo "0 passed, 1 failed"; exit 1; }
	@tools/test

check: ## format, tidy, layers, file map and headers of what changed (tools/check --all: everything)
	@tools/setup check
	@tools/check

bench: ## what a boot costs, counted
	@tools/setup demo
	@tools/build release aarch64 riscv64 guest
	@bench/all

install: release ## install below PREFIX (/usr/local), honouring DESTDIR
	@tools/install "$(DESTDIR)$(PREFIX)"

uninstall: ## remove what install put there
	@tools/install --remove "$(DESTDIR)$(PREFIX)"

deb: release ## a Debian package of the monitor: build/polyvisor_*.deb
	@tools/package

clean: ## remove build/ (the cache in ~/.cache/polyvisor stays)
	rm -rf build
