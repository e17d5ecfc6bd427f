//! Who may do what: the sections `identities` and `unix`.

use serde::Deserialize;

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Send alerts in.
    Sensor,
    /// Read alerts.
    Consumer,
    /// Everything.
    Admin,
}

impl Role {
    /// Its name in certificates and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sensor => "sensor",
            Self::Consumer => "consumer",
            Self::Admin => "admin",
        }
    }
}

/// A role by a name in the certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityPattern {
    /// Compared with each DNS name and with the common name; `*` stands for anything.
    pub pattern: String,
    /// What whoever fits may do.
    pub role: Role,
}

/// A role by a user on this machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnixUser {
    /// The user's id.
    pub uid: u32,
    /// What it may do.
    pub role: Role,
    /// Under which name: it names the cursor.
    pub name: String,
}
