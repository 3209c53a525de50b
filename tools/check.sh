#!/usr/bin/env bash
# Checks the tree as "make check" does: the steps named as arguments, or all of
# them, in the order below. Each step is announced and timed; the first that
# fails ends the run with its reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all=(packages format vet staticcheck deadcode tidy build test histories)

# packages: what the tests need from Debian.
step_packages() { tools/packages.sh; }

# format: gofmt.
step_format() {
	local wrong
	wrong=$(gofmt -l .)
	[ -z "$wrong" ] || { echo "not formatted; run 'make fmt':" "$wrong"; return 1; }
}

step_vet() { go vet ./...; }

# staticcheck: built from the tools module, run over this one.
step_staticcheck() { go tool -modfile=tools/go.mod staticcheck ./...; }

# deadcode: no function that neither the program nor a test reaches.
step_deadcode() {
	local dead
	dead=$(go tool -modfile=tools/go.mod deadcode -test ./...)
	[ -z "$dead" ] || { echo "$dead"; return 1; }
}

# tidy: go.mod and go.sum name what the code imports, no less and no more.
step_tidy() {
	go mod tidy -diff || { echo "run 'go mod tidy'"; return 1; }
	go -C tools mod tidy -diff || { echo "run 'go -C tools mod tidy'"; return 1; }
}

# build: the program that tests start and kill, built without the race detector.
step_build() { make --no-print-directory build; }

# Tests of one goroutine each, which take minutes under the race detector: hours of traffic
# before the detector of trouble, and every screen in three languages. The other tests of their
# packages run under it.
alone='TestFaultsAreFound|TestMorningRise|TestSlowDropAgainstTheSeason|TestUsualTrafficHoldsNoFinding|TestScreens'

# What of others is built without the race detector. SQLite itself is C made into Go: its
# memory is not of Go's heap, so the detector would watch each of its reads and find
# nothing, at twice the time. YAML is read in one goroutine, by every test that has a text
# or a plan.
unwatched=(-gcflags=modernc.org/sqlite/lib=-race=false -gcflags=go.yaml.in/yaml/v4/internal/libyaml=-race=false)

# test: everything else under the race detector, with the seeds of the fuzz targets
# and what fuzzing once found. What vet finds, its own step has found. Nobody looks at
# pictures of the pages here. The stories come first: they wait more than they compute, and
# the others run meanwhile.
step_test() {
	HOLDFAST_PICTURES=no HOLDFAST_BINARY="$PWD/build/holdfast" \
		go test -race "${unwatched[@]}" -vet=off -count=1 -timeout 19m -skip "^($alone)\$" ./test/e2e ./internal/cli ./...
}

# histories: the stop under a thousand simulated histories, some of its rules broken
# on purpose, reroutes before two failing primaries, and what is alone: without the race
# detector, under which they take minutes.
step_histories() {
	go test -vet=off -count=1 -timeout 10m -run "^(TestHistories|TestMutants|TestRandomReroutes|$alone)\$" \
		./internal/gate ./internal/gate/httpgate ./internal/standin ./internal/detect ./internal/console ./bench/detect
}

begun=$SECONDS
[ $# -gt 0 ] || set -- "${all[@]}"
for step; do
	[[ " ${all[*]} " == *" $step "* ]] || { echo "there is no step '$step'; the steps are: ${all[*]}" >&2; exit 2; }
	echo "== $step"
	start=$SECONDS
	# A function called in a condition would run with errexit off.
	set +e
	(set -e; "step_$step")
	status=$?
	set -e
	if [ $status -ne 0 ]; then
		echo "== $step FAILED after $((SECONDS - start)) s" >&2
		exit 1
	fi
	echo "== $step done in $((SECONDS - start)) s"
done
echo "== all done in $((SECONDS - begun)) s"
