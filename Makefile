# make            bin/plumb and bin/plumbctl: release, static, stripped
# make test       every test, unit to real kernel (as root)
# make torture    each system call killed and made to fail (as root)
# make soak       random steps against a model: SEED=… STEPS=… (as root)
# make demo       a node in namespaces of its own, played through (as root)
# make install    into DESTDIR: the plugin to CNI_BIN_DIR, plumbctl to CTL_DIR, what belongs to them below PREFIX
# make deb        bin/plumb_VERSION_ARCHITECTURE.deb
# make deb-test   installs, upgrades and purges it on a node of its own (as root)
# make bench      the figures that the documents quote (as root)

SWIFT ?= swift
PREFIX ?= /usr/local
CNI_BIN_DIR ?= /opt/cni/bin
CTL_DIR ?= $(PREFIX)/bin
# systemd reads both; NetworkManager and iproute2 read nothing below /usr/local.
UNIT_DIR ?= $(PREFIX)/lib/systemd
NM_DIR ?= /etc/NetworkManager/conf.d
ZSH_DIR ?= $(PREFIX)/share/zsh/site-functions
DESTDIR ?=
# lld comes with the toolchain, and is the one linker that keeps quiet about glibc's static getpwnam, which is not called.
# Types made by calls, not by parsing their mangled names, and none to copy values by: an eighth of an ADD's instructions, as so
# short a life uses each once.
# What an ADD calls and touches lies side by side (scripts/order): the kernel maps it by stretches of 64 KiB, each
# of which costs a fault; or by huge pages (scripts/plumb.ld).
RELEASE = -c release --static-swift-stdlib -Xswiftc -static-executable -Xswiftc -use-ld=lld \
    -Xswiftc -Xfrontend -Xswiftc -function-sections \
    -Xswiftc -Xfrontend -Xswiftc -disable-type-layout \
    -Xswiftc -Xfrontend -Xswiftc -disable-concrete-type-metadata-mangled-name-accessors \
    -Xlinker --symbol-ordering-file=$(CURDIR)/scripts/plumb.order -Xlinker --no-warn-symbol-ordering \
    -Xlinker -T -Xlinker $(CURDIR)/scripts/plumb.ld -Xlinker -z -Xlinker max-page-size=0x200000

.PHONY: all test torture soak demo bench install deb deb-test clean deps
all: bin/plumb bin/plumbctl

.PHONY: FORCE
bin/plumb bin/plumbctl &: FORCE | deps
	$(SWIFT) build $(RELEASE) --product plumb
	$(SWIFT) build $(RELEASE) --product plumbctl
	mkdir -p bin
	for b in plumb plumbctl; do \
	    strip -o bin/.$$b.new "$$($(SWIFT) build $(RELEASE) --show-bin-path)/$$b" && \
	    { cmp -s bin/.$$b.new bin/$$b && rm bin/.$$b.new || mv -f bin/.$$b.new bin/$$b; } || exit 1; done

deps:
	@scripts/deps

test: all
	scripts/reference-plugins
	scripts/runtimes
	PLUMB_BIN="$(CURDIR)/bin" $(SWIFT) test

# Every system call of every verb, killed and made to fail.
torture: all
	PLUMB_TORTURE=1 PLUMB_BIN="$(CURDIR)/bin" $(SWIFT) test --filter TortureTests

# Anything in any order for as long as one likes: make soak SEED=7 STEPS=20000
soak: all
	SEED="$(SEED)" STEPS="$(STEPS)" PLUMB_BIN="$(CURDIR)/bin" $(SWIFT) test --filter ChaosTests

demo: all
	scripts/demo

bench: all
	bench/run

# Beside, then renamed: a runtime that starts a pod meanwhile finds the old binary or the new one, never half of one.
install: all
	install -d "$(DESTDIR)$(CNI_BIN_DIR)" "$(DESTDIR)$(CTL_DIR)"
	install -m 0755 bin/plumb "$(DESTDIR)$(CNI_BIN_DIR)/.plumb.new"
	mv -f "$(DESTDIR)$(CNI_BIN_DIR)/.plumb.new" "$(DESTDIR)$(CNI_BIN_DIR)/plumb"
	install -m 0755 bin/plumbctl "$(DESTDIR)$(CTL_DIR)/.plumbctl.new"
	mv -f "$(DESTDIR)$(CTL_DIR)/.plumbctl.new" "$(DESTDIR)$(CTL_DIR)/plumbctl"
	DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" CNI_BIN_DIR="$(CNI_BIN_DIR)" CTL_DIR="$(CTL_DIR)" UNIT_DIR="$(UNIT_DIR)" \
	    NM_DIR="$(NM_DIR)" ZSH_DIR="$(ZSH_DIR)" packaging/install

deb: all
	packaging/deb bin

deb-test: deb
	packaging/test bin

clean:
	rm -rf .build bin
