#!/usr/bin/env bash
# Fuzzes every target of the tree, each for a number of inputs or a time:
# tools/fuzz.sh 3000x, tools/fuzz.sh 1m. With "list" it only lists them, as
# package and target.
#
# An input that fails is kept by Go under the package's testdata/fuzz, where
# every later "go test" runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
budget=${1:?say how much of each: 3000x, 1m, or list}

targets() {
	go list -f '{{$p := .}}{{range .TestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}' ./... |
		while read -r package file; do
			[ -z "$file" ] || sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|$package \1|p" "$file"
		done | sort
}

found=$(targets)
[ -n "$found" ] || { echo "there are no fuzz targets" >&2; exit 1; }
if [ "$budget" = list ]; then
	echo "$found"
	exit 0
fi
# A time may end a target with "context deadline exceeded" and no failing input:
# a race in Go's fuzzing before 1.27 (https://go.dev/issue/75804). That message,
# right below the target's name, is the time being over and nothing else; a
# number of inputs has no such end.
time_over() {
	grep -A 1 "^--- FAIL: $1 (" <<<"$2" | grep -qx '    context deadline exceeded' &&
		! grep -q 'Failing input written' <<<"$2"
}
# Two at a time, one worker each: building takes longer than a few thousand
# inputs do. What a target says is shown only if it fails.
one() {
	local out
	if out=$(go test -run '^$' -fuzz "^$3\$" -fuzztime "$1" -parallel 1 "$2" 2>&1 </dev/null) || time_over "$3" "$out"; then
		echo "$2 $3"
	else
		echo "$2 $3 FAILED" >&2
		echo "$out" >&2
		return 1
	fi
}
export -f one time_over
echo "$found" | xargs -P 2 -L 1 bash -c 'one "$0" "$@"' "$budget"
