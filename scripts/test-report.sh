#!/usr/bin/env bash
# Passes the output of `cargo test` and of pytest on, shortened to what went wrong or was skipped, and closes with
# the sums of all of it.
awk '
    /^test result:/ { passed += $4; failed += $6; skipped += $8; next }
    /^test .* \.\.\. ok$/ { next }
    /^([0-9]+ [a-z]+, )*[0-9]+ [a-z]+ in [0-9.]+s/ {
        for (i = 1; i < NF; i++) {
            if ($(i + 1) ~ /^passed/) passed += $i
            if ($(i + 1) ~ /^(failed|error)/) failed += $i
        }
        next
    }
    /^SKIPPED \[[0-9]+\]/ { skipped += substr($2, 2) - 1 }
    /^SKIPPED/ { skipped++ }
    /^running [0-9]+ tests?$/ { next }
    /^[.sFEx]+ +\[ *[0-9]+%\]$/ { next }
    /^$/ { next }
    { print; fflush() }
    END {
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0 || passed == 0
    }
'
