# The two commands that matter: "make demo" and "make check".
# "make help" lists the others.

# The version is taken from the build information that Go stamps. Where git
# cannot answer, Go would refuse to build; it is then told not to ask.
vcs := $(shell git status --porcelain >/dev/null 2>&1 || echo -buildvcs=false)

.PHONY: demo check soak bench build fmt lint help

demo: ## run Holdfast whole, with a simulated payment system; ARGS="--story" plays an outage
	go run $(vcs) ./cmd/holdfast demo $(ARGS)

check: ## everything that must hold before a change is submitted; about 10 minutes at first
	tools/check.sh

soak: ## the long forms of the tests, then one minute of fuzzing each (FUZZTIME=1m); hours
	tools/check.sh packages build
	tools/packages.sh soak
	HOLDFAST_SOAK=1 HOLDFAST_BINARY=$(CURDIR)/build/holdfast go test -count=1 -timeout 12h ./...
	tools/fuzz.sh $(or $(FUZZTIME),1m)

bench: ## measure Holdfast beside its peers; needs tools/packages.sh bench once; about 15 minutes
	@commands=$$(go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./bench/... 2>/dev/null); \
	test -n "$$commands" || { echo "there is no command under bench/" >&2; exit 1; }; \
	for command in $$commands; do echo "== $$command"; go run $$command || failed="$$failed $$command"; done; \
	test -z "$$failed" || { echo "below a required figure:$$failed" >&2; exit 1; }

build: ## build the program to build/holdfast
	go build $(vcs) -o build/holdfast ./cmd/holdfast

fmt: ## format the Go files
	gofmt -w .

lint: ## the checks that read the code only
	tools/check.sh format vet staticcheck deadcode tidy

help: ## list the targets
	@sed -n 's/^\([a-z]*\): ## \(.*\)/  make \1	\2/p' Makefile | expand -t 16
