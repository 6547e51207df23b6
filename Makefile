# make help lists the targets.

GO          ?= go
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X main.revision=$(VERSION)
STATICCHECK ?= $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 20s
BENCHFLAGS  ?=
PLATFORMS   ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
TORTURE     ?= 10m
TORTURETESTS ?= Model|Torture|Crash|Fault|Damage|EveryFlip|EveryLoss|Random

# What one goroutine drives through very many cases: the race detector finds nothing there.
RACESKIP    ?= Crash|Fault|Flip|Every(Damage|Loss|Byte)|Killed|Hostile|Lying|OddTexts|Floats|Random(Batches|Histories)|RetentionModel|^TestRoundTrip$$|^TestRequests$$|^TestMemory$$|BoundedMemory|Large(Versions|Model)|Stripes|TwoPercent|Survives|FullDisk|ReadsLittle|LeavesTheRest
ENGINETESTS ?= Engine
ENGINEFLAGS ?=

# Everything without cgo (but race), so that all that is compiled is compiled once.
export CGO_ENABLED ?= 0

.PHONY: help build demo test race engine-up engine-down test-engine check fmt vet staticcheck lint docs platforms cross fuzz bench torture bench-scale bench-codecs bench-peers testdata clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

build: ## build bin/mstore, one static binary
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/mstore ./cmd/mstore

demo: build ## walk through the main job on real models
	@scripts/demo.sh bin/mstore

test: ## run all tests
	@scripts/test.sh -count=1 -vet=off -timeout 10m

race: ## run the tests with the race detector (needs a C compiler), but for RACESKIP
	@CGO_ENABLED=1 scripts/test.sh -race -short -vet=off -timeout 20m -skip '$(RACESKIP)'

engine-up: ## start a real Ceph on 127.0.0.1:8000 and :8001 (Debian; scripts/engine.sh -h)
	@scripts/engine.sh install
	@scripts/engine.sh up

engine-down: ## stop it and remove its data
	@scripts/engine.sh down

test-engine: ## run the tests of stores in buckets against it, and start and stop it for that
	@scripts/test-engine.sh -vet=off -run '$(ENGINETESTS)' $(ENGINEFLAGS)

torture: ## the long form of the tests of safety: TORTURE (10m) of random histories, every operation, every byte
	MSTORE_TORTURE=$(TORTURE) $(GO) test ./store ./index ./objects/codec -count=1 -v -timeout 3h -run '$(TORTURETESTS)'

check: fmt vet staticcheck lint platforms docs race ## all checks: format, vet, staticcheck, import rules, platforms, documents, races

fmt: ## is everything as gofmt writes it?
	@bad=$$(gofmt -l .) || exit 1; \
	  if [ -n "$$bad" ]; then echo "not formatted (gofmt -w):"; echo "$$bad"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

staticcheck: ## staticcheck, at a pinned version
	$(STATICCHECK) ./...

lint: ## the import rules of the package map
	$(GO) test ./internal/lint

platforms: ## does it compile for linux, darwin and windows, amd64 and arm64? (looks at types only)
	@$(GO) run ./internal/lint/platforms $(PLATFORMS) linux/amd64+gcs,azure

cross: ## really compile for all of them, which takes minutes
	@scripts/cross.sh $(PLATFORMS)

docs: ## are the documents up to date?
	@mkdir -p bin/docs && $(GO) build -o bin/docs/mstore ./cmd/mstore
	@scripts/check-docs.sh bin/docs/mstore

fuzz: ## fuzz every decoder for FUZZTIME (20s) each; plain tests run the seeds only
	@scripts/fuzz.sh $(FUZZTIME)

bench: ## measure mstore beside its peers (BENCHFLAGS='-quick -run one')
	@$(GO) run ./bench $(BENCHFLAGS)

bench-codecs: ## measure the codecs and the cutter, six times each, for benchstat
	@$(GO) test -run '^$$' -bench '^Benchmark(Planes|Diff|Numbers|Delta|Cut)' -count=6 -timeout 60m ./objects/codec ./objects/chunk

bench-scale: ## count requests and bytes from 1,000 to 100,000 versions (SCALEFLAGS='-n 10000'); see docs/scale.md
	@$(GO) run ./bench/scale $(SCALEFLAGS)

bench-peers: ## install git-lfs, restic, borg, zstd and rclone for make bench (Debian)
	@scripts/bench-peers.sh

testdata: ## write the generated models of testdata/models anew
	$(GO) run ./bench/gen testdata testdata/models

clean: ## remove what the targets above built
	rm -rf bin .bench
