#!/usr/bin/env bash
# Passes the output of `cargo test` on, shortened to what went wrong or was skipped, and closes with
# the sums of all its test binaries.
awk '
    /^test result:/ { passed += $4; failed += $6; skipped += $8; next }
    /^test .* \.\.\. ok$/ { next }
    /^SKIPPED/ { skipped++ }
    /^running [0-9]+ tests?$/ { next }
    /^$/ { next }
    { print; fflush() }
    END {
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0 || passed == 0
    }
'
