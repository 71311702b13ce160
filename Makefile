# Two commands are all a newcomer needs: `make run` starts the server, `make test` sets up and tests everything.
# `make help` lists the rest.

GO              ?= go
GOLANGCI_LINT   := v2.15.0
VERSITYGW       := v1.8.0
FUZZ_SECONDS    ?= 240
SOAK_SECONDS    ?= 600
BENCH           ?= .
BENCH_COUNT     ?= 1
SHORT           := -short
COVER_FILE      := build/cover.out

# The pages are built from ui/ into the folder that internal/web/ui embeds.
PAGES           := internal/web/ui/dist/pages/console.html
PAGE_SOURCES    := $(shell find ui/src ui -maxdepth 1 -type f) $(shell find ui/src -type f)
NODE_MODULES    := ui/node_modules/.package-lock.json

# Tools of the pinned version are taken from the path when they are there, else built into build/bin.
export PATH := $(CURDIR)/build/bin:$(shell $(GO) env GOPATH)/bin:$(PATH)

# The profile in cmd/leat would have everything compiled once more for each program that is tested: only the one to be used is made with it.
export GOFLAGS += -pgo=off

.DEFAULT_GOAL := help
.PHONY: help run build ui browser test check fmt fmt-check vet lint tidy-check unit cross fuzz interop soak pgo bench cover tools setup clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## start the server: RTMP on :1935
	build/leat serve

build: ui ## build/leat
	$(GO) build -pgo=auto -trimpath -buildvcs=auto -o build/leat ./cmd/leat

ui: $(PAGES) ## the console and the watch page, with npm

$(PAGES): $(PAGE_SOURCES) $(NODE_MODULES)
	cd ui && npm run --silent build
	@touch $@

$(NODE_MODULES): ui/package-lock.json
	@scripts/require-node
	cd ui && npm ci --no-fund --no-audit --loglevel=error
	@touch $@

browser: build ## play streams in a headless Chromium by each way to watch, and try the console
	cd ui && node test/browser.test.mjs ../build/leat

test: SOAK_SECONDS := 60
test: SHORT :=
test: setup ui fmt-check check cross fuzz interop browser soak ## install what tests need and run all of them (under 25 minutes)

check: vet lint tidy-check unit ## vet, lint and format, tidy, tests; offline, under two minutes

fmt: ## format all Go files
	golangci-lint fmt

# Of files for other systems too; lint looks at the format of those for this one.
fmt-check:
	@scripts/require-tools $(GOLANGCI_LINT)
	golangci-lint fmt --diff

vet:
	$(GO) vet -tags interop,soak ./...

lint:
	@scripts/require-tools $(GOLANGCI_LINT)
	golangci-lint run

tidy-check:
	$(GO) mod tidy -diff

# With -short a test that repeats something repeats it less; all of them run. A process with the race detector waits a second at its end
# for races of goroutines that are left: of fifty packages that is most of a minute. vet has its own target.
unit: export GORACE := atexit_sleep_ms=50
unit:
	$(GO) test -race -shuffle=on -vet=off $(SHORT) ./...

cross: ## vet for other systems, so that they keep compiling
	GOOS=darwin CGO_ENABLED=0 $(GO) vet ./...
	GOOS=windows CGO_ENABLED=0 $(GO) vet ./...
	GOARCH=386 CGO_ENABLED=0 $(GO) vet ./...

fuzz: ## fuzz every target, FUZZ_SECONDS (240) in all
	scripts/fuzz $(FUZZ_SECONDS)

interop: ## against ffmpeg, rtmpdump, GStreamer, nginx-rtmp and versitygw
	$(GO) test -tags interop -count=1 -timeout 10m -v ./interop/...

soak: ## bad clients of all kinds beside a healthy stream, for SOAK_SECONDS (600)
	SOAK_SECONDS=$(SOAK_SECONDS) $(GO) test -tags soak -run '^TestSoak$$' -count=1 -timeout $$(($(SOAK_SECONDS) + 300))s -v ./internal/abuse

pgo: ## the profile by which the compiler optimizes leat, from a server under load
	scripts/pgo

bench: ## benchmarks: BENCH=regexp BENCH_COUNT=n
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCH_COUNT) ./...

cover: ## coverage by function, and build/cover.html
	@mkdir -p build
	$(GO) test -coverpkg=./... -coverprofile=$(COVER_FILE) ./...
	$(GO) tool cover -html=$(COVER_FILE) -o build/cover.html
	$(GO) tool cover -func=$(COVER_FILE) | tail -n 1

tools: ## fetch what `make check` needs to run offline: linter and modules
	scripts/require-tools $(GOLANGCI_LINT) install
	$(GO) mod download
	@$(GO) mod tidy -diff >/dev/null || true # fetches what tidy-check looks at; that reports

setup: tools ## install what the tests need: that, an object store, and Debian packages
	scripts/require-versitygw $(VERSITYGW)
	scripts/setup

clean: ## remove what was built
	rm -rf build ui/node_modules internal/web/ui/dist/pages
