//! A whole hub, over its Unix socket: what old clients and our own see of it.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod hub {
    mod each_log;
    mod history;
    mod outputs;
    mod http;
    mod shared;
    mod site;
    mod subscribe;
    mod inputs;
    mod connecting;
    mod pushing;
    mod fleet;
    mod secured;
    mod certificates;
    mod access;
    mod tokens;
    mod kafka;
    mod kafka_outage;
    mod kafka_secured;
    mod backup;
}
