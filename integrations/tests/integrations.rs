//! Every destination against something real: an HTTP server, a Kafka broker.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod integrations {
    mod alertmanager;
    mod aws;
    mod azure;
    mod broker;
    mod collector;
    mod counterpart;
    mod every;
    mod falcosidekick;
    mod feed;
    mod format {
        pub(super) mod alerts;
        mod canonical;
        mod golden;
        mod readers;
        mod schemas;
        mod valid;
    }
    mod given_up;
    mod golden;
    mod google;
    mod http;
    mod kafka;
    mod kafka_secured;
    mod lake;
    mod limits;
    mod links;
    mod loki;
    mod moto;
    mod mqtt;
    mod packed;
    mod nats;
    mod otlp;
    mod otlp_grpc;
    mod pki;
    mod postgresql;
    mod rabbitmq;
    mod rabbitmq_server;
    mod redis;
    mod remotewrite;
    mod restart;
    mod reports {
        mod cluster;
        mod definition;
        mod real;
        mod strict;
    }
    mod secrets;
    mod server;
    mod syslog;
    mod smtp;
    mod statsd;
    mod trusted;
}
