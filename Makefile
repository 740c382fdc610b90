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

# A snapshot goes by the commit's time, so that a later one is a newer version.
SOURCE_DATE_EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
SNAPSHOT_VERSION  ?= 0.1.0-snapshot.$(SOURCE_DATE_EPOCH)
# Who answers for the packages.
MAINTAINER        ?= The partnercost authors <partnercost@users.noreply.github.com>
export SOURCE_DATE_EPOCH SNAPSHOT_VERSION MAINTAINER

IMAGE      ?= partnercost/collector
IMAGE_ARGS := --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) --build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH)

# Linters and sqlc are built from the versions that tools/go.mod pins, once.
# Without cgo: sqlc then needs no C compiler, and builds in half the time.
TOOLS := bin/tools/.built

# What checks the accessibility of the console's pages, and the SHA-512 of its package.
AXE_VERSION := 4.14.1
AXE_SHA512  := 1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
AXE         := bin/tools/axe-core-$(AXE_VERSION)/axe.min.js

##@ Build and run

.PHONY: build
build: ## Build bin/collector
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/collector ./cmd/collector

.PHONY: man
man: build ## Write the manual pages to bin/man
	bin/collector man bin/man

.PHONY: image
image: ## Build the container image (needs Docker)
	docker build $(IMAGE_ARGS) --tag $(IMAGE):$(VERSION) .

.PHONY: smoke
smoke: build ## Run the demo: a private database, the simulator, two collections
	bin/collector demo

.PHONY: compose-smoke
compose-smoke: ## Run the demo of docker-compose.yml and look at its database (needs Docker)
	deploy/compose/smoke

##@ Test

.PHONY: test
test: ## Run all tests
	go test -timeout 20m $(TEST_FLAGS) ./...

.PHONY: race
race: ## Run all tests with the race detector, in random order
	go test -race -shuffle=on -timeout 40m $(TEST_FLAGS) ./...

.PHONY: test-docker
test-docker: ## Run the database tests on PostgreSQL 17 in a container (needs Docker)
	COLLECTOR_TEST_POSTGRES=docker go test -timeout 30m -count=1 -skip '^TestSoak' $(TEST_FLAGS) ./cmd/... ./internal/persist/...

.PHONY: axe
axe: $(AXE) ## Fetch axe-core, with which the tests look for barriers in the console (needs npm)

$(AXE):
	@command -v npm >/dev/null || { echo 'npm is missing, which fetches axe-core: apt-get install npm' >&2; exit 1; }
	@directory=$$(mktemp -d); trap 'rm -rf "$$directory"' EXIT; package=$$directory/axe-core-$(AXE_VERSION).tgz; \
	npm pack --silent --pack-destination "$$directory" axe-core@$(AXE_VERSION) >/dev/null; \
	echo "$(AXE_SHA512)  $$package" | sha512sum --check --quiet; \
	rm -rf bin/tools/axe-core-*; mkdir -p $(@D); \
	tar -xzf "$$package" -C $(@D) --strip-components=1 package/axe.min.js package/LICENSE; \
	touch $@

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
check: fmt-check vet lint workflows licences tidy-check verify-generated alerts units smoke axe race ## Everything CI does, without Docker and packages

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

.PHONY: workflows
workflows: bin/release-tools/actionlint ## Lint the workflows in .github
	$<

.PHONY: licences
licences: bin/release-tools/licences ## Check that every linked module has a licence we accept
	$< . ./cmd/collector >/dev/null

.PHONY: vuln
vuln: bin/release-tools/govulncheck ## Look for vulnerabilities that the program reaches; VULNDB=directory instead of the network
	$< $(if $(VULNDB),-db file://$(abspath $(VULNDB))) ./...

.PHONY: chart
chart: bin/release-tools/helm bin/release-tools/kubeconform ## Lint the Helm chart, validate what it gives, compare it with deploy/kubernetes
	CGO_ENABLED=0 go -C tools/helm test -trimpath -count=1 ./...

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

##@ Release

.PHONY: snapshot
snapshot: bin/release-tools/goreleaser bin/release-tools/licences ## Build archives, deb, rpm and checksums of this commit to dist
	$< release --snapshot --clean --skip=sign --timeout 60m

.PHONY: release
release: bin/release-tools/goreleaser bin/release-tools/licences ## Build and publish the release of the tag (the workflow does)
	$< release --clean --timeout 60m

.PHONY: image-push
image-push: ## Build the image for both architectures and push it (the workflow does; needs buildx)
	mkdir -p bin/image
	docker buildx build $(IMAGE_ARGS) --platform linux/amd64,linux/arm64 --provenance=false \
		--output type=image,push=true,rewrite-timestamp=true --metadata-file bin/image/metadata.json --tag $(IMAGE):$(VERSION) .
	sed -n 's/.*"containerimage.digest": "\(sha256:[0-9a-f]*\)".*/\1/p' bin/image/metadata.json | head -n 1 >bin/image/digest

.PHONY: reproducible
reproducible: snapshot ## Build the snapshot again, in another place, and compare every byte
	deploy/package/reproducible

.PHONY: packages-check
packages-check: ## Inspect the packages of the last snapshot (needs lintian and rpm)
	deploy/package/check

.PHONY: package-smoke
package-smoke: ## Install, run, upgrade, remove and purge the deb of the last snapshot in a container (needs Docker)
	deploy/package/smoke

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

# What a release needs is built from modules of its own when it is first used: GoReleaser
# and Helm take minutes.
bin/release-tools/goreleaser: package = github.com/goreleaser/goreleaser/v2
bin/release-tools/govulncheck: package = golang.org/x/vuln/cmd/govulncheck
bin/release-tools/licences: package = ./licences
bin/release-tools/helm: package = helm.sh/helm/v4/cmd/helm
bin/release-tools/kubeconform: package = github.com/yannh/kubeconform/cmd/kubeconform
bin/release-tools/actionlint: package = github.com/rhysd/actionlint/cmd/actionlint
bin/release-tools/licences: tools/release/licences/main.go
bin/release-tools/goreleaser bin/release-tools/govulncheck bin/release-tools/licences: module = release
bin/release-tools/helm bin/release-tools/kubeconform: module = helm
bin/release-tools/actionlint: module = actionlint
bin/release-tools/goreleaser bin/release-tools/govulncheck bin/release-tools/licences: tools/release/go.sum
bin/release-tools/helm bin/release-tools/kubeconform: tools/helm/go.sum
bin/release-tools/actionlint: tools/actionlint/go.sum
bin/release-tools/%:
	CGO_ENABLED=0 go build -C tools/$(module) -trimpath -ldflags '-s -w' -o ../../$@ $(package)
	@touch $@

.PHONY: clean
clean: ## Remove bin
	rm -rf bin

.PHONY: help
help: ## Print this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
