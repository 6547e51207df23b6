# make help lists the targets.

GO          ?= go
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X main.revision=$(VERSION)
STATICCHECK ?= $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 20s
BENCHFLAGS  ?=
TORTURE     ?= 10m
TORTURETESTS ?= Model|Torture|Crash|Fault|EveryDamage|EveryFlip|EveryLoss

.PHONY: help build demo test race check fmt vet staticcheck lint docs cross fuzz bench torture bench-codecs bench-peers testdata clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

build: ## build bin/mstore, one static binary
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/mstore ./cmd/mstore

demo: build ## walk through the main job on real models
	@scripts/demo.sh bin/mstore

test: ## run all tests
	@scripts/test.sh -count=1 -timeout 10m

race: ## run all tests with the race detector (needs a C compiler)
	@CGO_ENABLED=1 scripts/test.sh -race -short -timeout 20m

torture: ## the long form of the tests of safety: TORTURE (10m) of random histories, every byte
	MSTORE_TORTURE=$(TORTURE) $(GO) test ./store -count=1 -v -timeout 3h -run '$(TORTURETESTS)'

check: fmt vet staticcheck lint cross docs race ## all checks: format, vet, staticcheck, import rules, platforms, documents, races

fmt: ## is everything as gofmt writes it?
	@bad=$$(gofmt -l .) || exit 1; \
	  if [ -n "$$bad" ]; then echo "not formatted (gofmt -w):"; echo "$$bad"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

staticcheck: ## staticcheck, at a pinned version
	$(STATICCHECK) ./...

lint: ## the import rules of the package map
	$(GO) test ./internal/lint

cross: ## compile for linux, darwin and windows, amd64 and arm64
	@scripts/cross.sh

docs: build ## are the documents up to date?
	@scripts/check-docs.sh bin/mstore

fuzz: ## fuzz every decoder for FUZZTIME (20s) each; plain tests run the seeds only
	@scripts/fuzz.sh $(FUZZTIME)

bench: ## measure mstore beside its peers (BENCHFLAGS='-quick -run one')
	@$(GO) run ./bench $(BENCHFLAGS)

bench-codecs: ## measure the codecs and the cutter, six times each, for benchstat
	@$(GO) test -run '^$$' -bench '^Benchmark(Planes|Diff|Numbers|Delta|Cut)' -count=6 -timeout 60m ./objects/codec ./objects/chunk

bench-peers: ## install git-lfs, restic, borg and zstd for make bench (Debian)
	@scripts/bench-peers.sh

testdata: ## write the generated models of testdata/models anew
	$(GO) run ./bench/gen testdata testdata/models

clean: ## remove what the targets above built
	rm -rf bin .bench
