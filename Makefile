# Each target is one command; .ci/run runs all that CI runs.

GOTOOL = go tool -modfile=tools/go.mod

CONFIGS = sqlc.yaml $(wildcard examples/*/sqlc.yaml)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: test
test: ## run all tests; they find or start a Postgres by themselves
	go test ./...

.PHONY: pooler
pooler: ## run tests once more behind PgBouncer in transaction mode
	.ci/run pooler

.PHONY: race
race: ## run the tests of packages that share something under the race detector
	.ci/run race

.PHONY: format
format: ## format the Go files
	$(GOTOOL) gofumpt -w .

.PHONY: lint
lint: ## run gofumpt, go vet, and staticcheck
	.ci/run format vet staticcheck

.PHONY: generate
generate: ## write the Go code of the query files
	for config in $(CONFIGS); do go run ./cmd/watertight generate --config $$config || exit; done

.PHONY: check
check: ## see whether the generated code is what the query files say
	.ci/run generate

.PHONY: deadcode
deadcode: ## list functions that no program and no test calls
	$(GOTOOL) deadcode -test ./...

.PHONY: postgres
postgres: ## get a Postgres server for the tests, if there is none
	.ci/install-postgres

.PHONY: example
example: ## run the booking service on a Postgres of its own
	go run ./examples/bookings

.PHONY: bench
bench: ## compare with other ways, write docs/performance (half an hour, on a machine that does nothing else)
	go run ./bench -out docs/performance

.PHONY: growth
growth: ## see what many tenants and rows cost, write docs/performance (half an hour, 20 GB of disk)
	go run ./bench/growth -out docs/performance

SOAK = 30m

.PHONY: soak
soak: ## serve 1,000 tenants while something breaks every minute, write docs/soak.md (SOAK=30m)
	go test ./faults -run '^TestSoak$$' -count=1 -v -timeout 0 -soak=$(SOAK) -soak-out=$(CURDIR)/docs/soak.md

.PHONY: ci
ci: ## run everything that CI runs
	.ci/run
