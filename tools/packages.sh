#!/usr/bin/env bash
# Installs what the tests need from Debian and is missing: a C compiler for the
# race detector, Chromium and fonts for the console's tests, Alertmanager for
# the intake's, PostgreSQL for the journal's, HAProxy for the balancer's, ip for
# those that cut networks.
# "tools/packages.sh soak" installs what only the long tests need instead:
# LibreOffice, Poppler and fonts, for the plan as a document; "tools/packages.sh
# bench" the peers that bench/ measures beside Holdfast. Needs root for that; otherwise it says what to install.
set -euo pipefail

# A package and a file, as a pattern, that is there once it is installed.
needs=(
	"gcc /usr/bin/gcc"
	"libc6-dev /usr/include/stdlib.h"
	"chromium /usr/bin/chromium"
	"fonts-noto-cjk /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
	"prometheus-alertmanager /usr/bin/prometheus-alertmanager"
	"postgresql /usr/lib/postgresql/*/bin/initdb"
	"haproxy /usr/sbin/haproxy"
	"iproute2 /usr/sbin/ip"
)
case "${1:-}" in
"") ;;
soak)
	needs=(
		"libreoffice-writer-nogui /usr/lib/libreoffice/program/libswlo.so"
		"poppler-utils /usr/bin/pdftotext"
		"fonts-liberation /usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf"
	)
	;;
bench)
	needs=(
		"haproxy /usr/sbin/haproxy"
		"nginx-light /usr/sbin/nginx"
		"caddy /usr/bin/caddy"
		"etcd-server /usr/bin/etcd"
		"redis-server /usr/bin/redis-server"
		"prometheus /usr/bin/promtool"
	)
	;;
*)
	echo "usage: tools/packages.sh [soak|bench]" >&2
	exit 2
	;;
esac
missing=()
for need in "${needs[@]}"; do
	read -r package file <<<"$need"
	compgen -G "$file" >/dev/null || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
	echo "nothing is missing"
	exit 0
fi
command="apt-get install --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "these are missing: ${missing[*]}. Install them as root: $command" >&2
	exit 1
fi

# Debian's packages start their services when installed. A policy that forbids
# it stands for as long as this takes; one that was there before comes back.
policy=/usr/sbin/policy-rc.d
saved=$policy.before-holdfast
restore() {
	rm -f "$policy"
	if [ -e "$saved" ]; then mv "$saved" "$policy"; fi
}
trap restore EXIT
trap 'exit 1' INT TERM
# A saved policy is the left-over of a run that was killed: keep that one.
if [ -e "$policy" ] && [ ! -e "$saved" ]; then mv "$policy" "$saved"; fi
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

echo "installing: ${missing[*]}"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -q && $command -q -y; } >"$log" 2>&1 </dev/null; then
	tail -n 40 "$log" >&2
	echo "this failed: $command" >&2
	exit 1
fi
rm -f "$log"
# Nor shall they start with the machine.
if command -v systemctl >/dev/null; then
	for service in prometheus prometheus-alertmanager postgresql haproxy nginx caddy etcd redis-server; do
		if systemctl is-enabled --quiet "$service" 2>/dev/null && [[ " ${missing[*]} " == *" $service"[\ -]* ]]; then
			systemctl disable --quiet "$service" || echo "the service $service could not be disabled"
		fi
	done
fi
