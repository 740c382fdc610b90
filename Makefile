# `make help` lists the targets. Everything needs Go; `race` needs a C compiler,
# the tests a PostgreSQL server (CONTRIBUTING.md says where they find one), and
# test-docker and compose-smoke a Docker engine.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

TEST_FLAGS ?=
FUZZ_TIME  ?= 10s
BENCH      ?= .

# Linters and sqlc are built from the versions that tools/go.mod pins, once.
# Without cgo: sqlc then needs no C compiler, and builds in half the time.
TOOLS := bin/tools/.built

##@ Build and run

.PHONY: build
build: ## Build bin/collector
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/collector ./cmd/collector

.PHONY: man
man: build ## Write the manual pages to bin/man
	bin/collector man bin/man

.PHONY: smoke
smoke: build ## Run the demo: a private database, the simulator, two collections
	bin/collector demo

.PHONY: compose-smoke
compose-smoke: ## Run the demo of docker-compose.yml and look at its database (needs Docker)
	deploy/compose/smoke

##@ Test

.PHONY: test
test: ## Run all tests
	go test -timeout 8m $(TEST_FLAGS) ./...

.PHONY: race
race: ## Run all tests with the race detector, in random order
	go test -race -shuffle=on -timeout 15m $(TEST_FLAGS) ./...

.PHONY: test-docker
test-docker: ## Run the database tests on PostgreSQL 17 in a container (needs Docker)
	COLLECTOR_TEST_POSTGRES=docker go test -count=1 -skip '^TestSoak' $(TEST_FLAGS) ./cmd/... ./internal/persist/...

.PHONY: migrations
migrations: ## Apply, take back and apply again every migration
	go test -count=1 -run Migrations ./internal/architecture ./internal/persist

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZ_TIME
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) $$package; \
		done; \
	done

.PHONY: soak
soak: ## Kill the collector, stop PostgreSQL and distort the answers in many ways; compare every row
	go test -count=1 -run '^TestSoak' -v -timeout 1h $(TEST_FLAGS) ./cmd/collector -soak

.PHONY: bench
bench: ## Measure the program against the simulator; BENCH=regexp selects
	go test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 2h $(TEST_FLAGS) ./internal/bench

##@ Check

.PHONY: check
check: fmt-check vet lint tidy-check verify-generated alerts units smoke race ## Everything CI does, without Docker

.PHONY: alerts
alerts: ## Check the alert rules and run their tests (needs promtool)
	@command -v promtool >/dev/null || { echo 'promtool is missing, which checks the alert rules: apt-get install prometheus' >&2; exit 1; }
	promtool check rules deploy/prometheus/alerts.yml
	promtool test rules deploy/prometheus/alerts_test.yml

.PHONY: units
units: build ## Check the systemd unit, where systemd-analyze is; CI insists
	@command -v systemd-analyze >/dev/null || { echo 'systemd-analyze is missing, the unit is not checked: apt-get install systemd' >&2; [[ -z "$${CI:-}" ]]; exit; }; \
	directory=$$(mktemp -d); trap 'rm -rf "$$directory"' EXIT; unit=$$directory/partnercost.service; \
	: 'It wants the program to be there, and the unit names where it will be.'; \
	sed 's|^ExecStart=/usr/local/bin|ExecStart=$(CURDIR)/bin|' deploy/systemd/partnercost.service >"$$unit"; \
	systemd-analyze verify --man=no --recursive-errors=no "$$unit"; \
	systemd-analyze security --offline=true --threshold=15 --no-pager "$$unit" | tail -n 1

.PHONY: fmt
fmt: $(TOOLS) ## Format the Go code
	bin/tools/golangci-lint fmt

.PHONY: fmt-check
fmt-check: $(TOOLS)
	bin/tools/golangci-lint fmt --diff

.PHONY: vet
vet: ## Run go vet
	go vet ./...

.PHONY: lint
lint: $(TOOLS) ## Run the linters
	bin/tools/golangci-lint run

.PHONY: tidy-check
tidy-check:
	go mod tidy -diff

##@ Generate

.PHONY: generate
generate: $(TOOLS) ## Generate the code of the queries in sql/queries/store and views
	bin/tools/sqlc generate

.PHONY: verify-generated
verify-generated: $(TOOLS) ## Check that the generated code is up to date and the queries keep the rules
	bin/tools/sqlc diff
	bin/tools/sqlc vet

.PHONY: migration
migration: ## Start a migration: make migration NAME=add_something
	@[[ "$(NAME)" =~ ^[a-z0-9_]+$$ ]] || { echo 'usage: make migration NAME=add_something' >&2; exit 2; }
	@next=$$(printf '%06d' $$(( $$(ls migrations/*.up.sql | wc -l) + 1 ))); \
	for direction in up down; do \
		printf 'BEGIN;\n\nCOMMIT;\n' >"migrations/$${next}_$(NAME).$$direction.sql"; \
		echo "migrations/$${next}_$(NAME).$$direction.sql"; \
	done

##@ Help

.PHONY: tools
tools: $(TOOLS) ## Build the pinned tools to bin/tools

$(TOOLS): tools/go.mod tools/go.sum
	CGO_ENABLED=0 go build -C tools -trimpath -o ../bin/tools/ tool
	@touch $@

.PHONY: clean
clean: ## Remove bin
	rm -rf bin

.PHONY: help
help: ## Print this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
