//! The real kernel: something really happens, and the source says so; somebody tries to get around a
//! rule, and the rule raises its alert all the same.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod kernel {
    pub(crate) mod live;
    pub(crate) mod programs;
    pub(crate) mod script;
    pub(crate) mod watch;
    pub(crate) mod cases;
    pub(crate) mod runtimes;
    pub(crate) mod sentry;
    mod calls;
    mod containers;
    mod events;
    mod changes;
    mod files;
    mod hooks;
    pub(crate) mod process;
    mod process_calls;
    mod stock;
    mod sockets;
    mod stock_network;
}

mod bypass;
