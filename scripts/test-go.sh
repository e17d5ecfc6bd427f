#!/usr/bin/env bash
# Checks and tests the Go SDK, against a real hub: that of CADGE_BIN, or of target/debug. What is missing is said aloud.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/target/stubs/bin
export CADGE_BIN=${CADGE_BIN:-$PWD/target/debug/cadge} GOFLAGS="-mod=readonly -buildvcs=false"

command -v go >/dev/null || { echo "SKIPPED test-go: go is not installed"; exit 0; }
(cd sdk-go-stubs && go list -m) >/dev/null 2>&1 ||
    { echo "SKIPPED test-go: $(go version | cut -d' ' -f3) is older than what sdk-go-stubs/go.mod asks for"; exit 0; }
[ -x "$CADGE_BIN" ] || { echo "test-go: there is no $CADGE_BIN: \`cargo build -p cadge\` makes it" >&2; exit 1; }

# Generated code has a form of its own.
unformatted=$(find sdk-go-stubs -name '*.go' -not -name '*.pb.go' -exec gofmt -l {} +)
[ -z "$unformatted" ] || { echo "test-go: \`gofmt -w\` is due: $unformatted" >&2; exit 1; }

# What went wrong or was skipped, and the sums as `cargo test` says them.
summary() {
    awk '
        /^--- PASS/ { passed++ }
        /^--- FAIL/ { failed++ }
        /^--- SKIP/ { skipped++ }
        /^=== / || /^ *--- PASS/ || /^(PASS|ok)/ || /no test files/ { next }
        { print; fflush() }
        END {
            printf "test result: %s. %d passed; %d failed; %d ignored\n", failed ? "FAILED" : "ok", passed, failed, skipped
        }
    '
}

for module in sdk-go-stubs sdk-go-stubs/examples; do
    (
        cd "$module"
        go vet ./...
        if [ -x "$tools/staticcheck" ]; then "$tools/staticcheck" ./...; else echo "SKIPPED test-go: staticcheck is not installed"; fi
        # What the hub does is not among what go's cache of results knows.
        go test -count=1 -v ./... 2>&1 | summary
    )
done
