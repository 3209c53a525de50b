#!/usr/bin/env bash
# Fuzzes every target of the tree, each for a number of inputs or a time:
# tools/fuzz.sh 3000x, tools/fuzz.sh 1m. With "list" it only lists them, as
# package and target.
#
# An input that fails is kept by Go under the package's testdata/fuzz, where
# every later "go test" runs it.
set -euo pipefail
cd_root() { cd "$(dirname "${BASH_SOURCE[0]}")/.."; }

targets() {
	go list -f '{{$p := .}}{{range .TestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}' ./... |
		while read -r package file; do
			[ -z "$file" ] || sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|$package \1|p" "$file"
		done | sort
}

# A time may end a target with "context deadline exceeded" and no failing input:
# a race in Go's fuzzing before 1.27 (https://go.dev/issue/75804). That message,
# right below the target's name, is the time being over and nothing else; a
# number of inputs has no such end.
time_over() {
	grep -A 1 "^--- FAIL: $1 (" <<<"$2" | grep -qx '    context deadline exceeded' &&
		! grep -q 'Failing input written' <<<"$2"
}

# one_package fuzzes the targets of one package's test program, in the package's
# directory, one after another with one worker. What a target says is shown only
# if it fails. An input that is new is made smaller for a hundred tries, no longer:
# Go would take a minute for each.
one_package() {
	local budget=$1 program=$2 corpus target out
	corpus=$(go env GOCACHE)/fuzz/$(go list)
	for target in $("$program" -test.list '^Fuzz'); do
		out=$("$program" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$budget" -test.fuzzminimizetime 100x \
			-test.parallel 1 -test.timeout 0 -test.fuzzcachedir "$corpus" 2>&1 </dev/null) ||
			time_over "$target" "$out" || { echo "$target FAILED" "$out" >&2; return 1; }
		if grep -q 'without coverage guidance' <<<"$out"; then
			echo "$target: the program is not instrumented" >&2
			return 1
		fi
	done
}

case "${1:?say how much of each: 3000x, 1m, or list}" in
list)
	cd_root
	targets
	exit
	;;
package)
	shift
	one_package "$1" "$2"
	exit
	;;
esac

# What guides the fuzzing: Holdfast's own code and the languages it reads, which is
# what a few thousand inputs can get to know. With a time to spend, the standard
# library's decoders, too, which makes all that stands on them be built anew.
# "go test -fuzz" would build everything anew, and take one target at a time.
guides=(holdfast/... go.yaml.in/... github.com/expr-lang/...)
[[ "$1" == *x ]] || guides+=(encoding/... mime/... net/mail net/url archive/zip)

flags=()
for guide in "${guides[@]}"; do flags+=("-gcflags=$guide=-d=libfuzzer"); done

cd_root
found=$(targets | cut -d ' ' -f 1 | uniq)
[ -n "$found" ] || { echo "there are no fuzz targets" >&2; exit 1; }
# Vet has its own step; the packages are words.
go test -count=1 -vet=off -timeout 0 "${flags[@]}" -exec "'$PWD/tools/fuzz.sh' package $1" $found
