//! The real kernel: something really happens, and the source says so.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod kernel {
    mod events;
    mod watch;
}
