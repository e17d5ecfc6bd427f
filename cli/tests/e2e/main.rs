//! The `cadge` command as its users run it: real processes, real certificates, a real kernel.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;
mod commands;
mod pipeline;
mod access;
mod tokens;
mod http;
mod inputs;
mod hosts;
mod integrations;
mod crash;
mod rules;
mod synthetic;
mod falco_clients;
mod clients;
mod fleet;
mod backup;
mod prometheus;
