#!/usr/bin/env bash
# Fuzzes every target of the tree for a time each: tools/fuzz.sh 2s. With "list"
# instead of a time it only lists them, as package and target.
#
# An input that fails is kept by Go under the package's testdata/fuzz, where
# every later "go test" runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:?say for how long each: 2s, 1m, or list}

targets() {
	go list -f '{{$p := .}}{{range .TestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}' ./... |
		while read -r package file; do
			[ -z "$file" ] || sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|$package \1|p" "$file"
		done | sort
}

found=$(targets)
[ -n "$found" ] || { echo "there are no fuzz targets" >&2; exit 1; }
if [ "$time" = list ]; then
	echo "$found"
	exit 0
fi
# Two at a time, one worker each: building takes longer than two seconds of
# fuzzing does. What a target says is shown only if it fails.
one() {
	local out
	if out=$(go test -run '^$' -fuzz "^$3\$" -fuzztime "$1" -parallel 1 "$2" 2>&1 </dev/null); then
		echo "$2 $3"
	else
		echo "$2 $3 FAILED" >&2
		echo "$out" >&2
		return 1
	fi
}
export -f one
echo "$found" | xargs -P 2 -L 1 bash -c 'one "$0" "$@"' "$time"
