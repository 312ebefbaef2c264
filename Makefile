# make demo    builds Millrace and shows its main job on the embedded broker: no Kafka, no Java, no account
# make test    runs everything that CI runs
# make test-long   the same with many more kills, soaks and seeds
# make bench   measures Millrace beside Java Kafka Connect and writes bench/RESULTS.md; CASES=PART for some cases
#
# Each installs what it needs, or says exactly what to install and stops. Build output lies outside the clone, so that
# a second clean checkout does not build everything again.

SHELL := /bin/bash
MILLRACE_CACHE ?= $(HOME)/.cache/millrace
CARGO_TARGET_DIR ?= $(MILLRACE_CACHE)/target
export MILLRACE_CACHE CARGO_TARGET_DIR
BIN := $(CARGO_TARGET_DIR)/release/millrace

.PHONY: help build demo test test-long bench

help:
	@sed -n 's/^# //p' Makefile

build:
	@xtask/need build
	cargo build --release --locked --package millrace
	@ln -sf millrace $(dir $(BIN))connect-standalone

demo: build
	@$(BIN) demo

test:
	@xtask/need test
	@cargo xtask test

test-long:
	@xtask/need test
	@cargo xtask test --long

bench:
	@xtask/need test
	@cargo xtask bench $(CASES)
