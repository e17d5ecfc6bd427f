//! The wire: Falco's gRPC output API and Cadge's own, generated from the .proto files.
//!
//! Knows nothing of rules, logs or connections. Two views of the same messages: the typed one,
//! for whoever reads alerts, and [`raw`], for whoever passes them on without decoding.

pub mod raw;
mod batch;
mod push;
mod origin;
#[cfg(feature = "json")]
pub mod json;

/// Falco's own API, as it was served by Falco 0.24 to 0.43.
pub mod falco {
    /// Alerts: `sub` and `get`.
    pub mod outputs {
        #![allow(
            missing_docs,
            nonstandard_style,
            clippy::all,
            clippy::pedantic,
            clippy::allow_attributes_without_reason,
            reason = "generated"
        )]
        include!(concat!(env!("OUT_DIR"), "/typed/falco.outputs.rs"));
    }
    /// The enumerations of the other two.
    pub mod schema {
        #![allow(
            missing_docs,
            nonstandard_style,
            clippy::all,
            clippy::pedantic,
            clippy::allow_attributes_without_reason,
            reason = "generated"
        )]
        include!(concat!(env!("OUT_DIR"), "/typed/falco.schema.rs"));
    }
    /// The version of the server and of its rule engine.
    pub mod version {
        #![allow(
            missing_docs,
            nonstandard_style,
            clippy::all,
            clippy::pedantic,
            clippy::allow_attributes_without_reason,
            reason = "generated"
        )]
        include!(concat!(env!("OUT_DIR"), "/typed/falco.version.rs"));
    }
}

/// Cadge's own API.
pub mod cadge {
    /// Its first version.
    pub mod v1 {
        #![allow(
            missing_docs,
            nonstandard_style,
            clippy::all,
            clippy::pedantic,
            clippy::allow_attributes_without_reason,
            reason = "generated"
        )]
        include!(concat!(env!("OUT_DIR"), "/typed/cadge.v1.rs"));
    }
}

/// The Container Runtime Interface of Kubernetes: what containerd and CRI-O are asked.
pub mod cri {
    #![allow(
        missing_docs,
        nonstandard_style,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    include!(concat!(env!("OUT_DIR"), "/cri/runtime.v1.rs"));
}

pub use cadge::v1::Alert;
pub use falco::schema::Priority;
pub use origin::Origin;

/// The encoded `FileDescriptorSet` of every .proto file, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The longest encoded alert that anything accepts, in bytes. A batch holds at most
/// [`BATCH_BYTES_MAX`] of them together, so that a gRPC message stays below the 4 MiB that
/// unconfigured clients take.
pub const ALERT_BYTES_MAX: usize = 256 * 1024;

/// The most bytes of alerts in one batch.
pub const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The most alerts in one batch.
pub const BATCH_ALERTS_MAX: usize = 4096;

/// The number that old clients know for a source's name. A source that they have no number for
/// is sent as `SYSCALL`: Falco's Python client fails on `PLUGIN`.
pub fn source_number(source: &str) -> falco::schema::Source {
    match source {
        "k8s_audit" => falco::schema::Source::K8sAudit,
        "internal" => falco::schema::Source::Internal,
        _ => falco::schema::Source::Syscall,
    }
}

/// A priority as Falco writes it in messages and JSON: `Informational`, not `INFO`. A number that
/// is no priority reads `Debug`.
pub fn priority_name(priority: i32) -> &'static str {
    const NAMES: [&str; 8] =
        ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];
    usize::try_from(priority).ok().and_then(|number| NAMES.get(number)).copied().unwrap_or("Debug")
}
