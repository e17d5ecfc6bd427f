//! Everything that is tested through the engine's public face.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod engine {
    mod audit;
    mod build;
    mod container;
    mod fields;
    mod files;
    mod random;
    mod rules;
    mod spec;
}
