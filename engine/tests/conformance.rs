//! The case files of Falco's own tests: what they say must hold here too.
//!
//! They are read from `$CADGE_COMPAT/conformance`. Each file prints how many cases passed, and which are
//! not applicable and why. Where the files are missing, the tests say so and are skipped.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod conformance {
    mod conditions;
    mod eval;
    mod events;
    mod load;
    mod misc;
    mod oracle;
    mod output;
    mod report;
    mod stage;
}
