#!/bin/bash
# Records what a machine does while it compiles, serves and is worked on in a shell: the events of
# `make bench-engine`. Needs root. Usage: record-mix.sh FILE
set -euo pipefail
cd "$(dirname "$0")/.."
file=$1
work=$(mktemp -d)
target/release/cadge record "$file.part" &
recorder=$!
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    kill -INT "$recorder" 2>/dev/null || true
    wait "$recorder" || true
    rm -rf "$work"
}
trap stop EXIT
sleep 1

# Compile: one translation unit after another, as a build does.
for round in $(seq 8); do
    for unit in sensor/bpf/*.bpf.c; do
        clang -O2 -g -target bpf -c "$unit" -o "$work/$round.o" 2>/dev/null || true
    done
done
CARGO_TARGET_DIR="$work/target" cargo check -q -p cadge-proto 2>/dev/null || true

# Serve: an HTTP server, and clients that ask it.
mkdir "$work/site"
for page in $(seq 50); do head -c 2000 /dev/zero > "$work/site/$page"; done
python3 -u -m http.server --bind 127.0.0.1 --directory "$work/site" 0 > "$work/server" 2>/dev/null &
server=$!
for _ in $(seq 50); do grep -q port "$work/server" && break || sleep 0.1; done
port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$work/server")
python3 - "$port" <<'PYTHON'
import sys, urllib.request
for page in range(1500):
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/{page % 50 + 1}").read()
PYTHON

# Shell about: what people type.
for _ in $(seq 40); do
    ls -l /etc > /dev/null
    cat /etc/passwd /etc/hosts | sort | uniq | wc -l > /dev/null
    ps aux > /dev/null 2>&1 || true
    git log --oneline -20 > /dev/null 2>&1 || true
    id > /dev/null
    date > /dev/null
done
grep -r "fn main" --include='*.rs' . > /dev/null || true
find /etc /usr/share/doc -type f -newermt 2020-01-01 -exec head -c 1 {} + > /dev/null 2>&1 || true

stop
trap - EXIT
mv "$file.part" "$file"
