//! The configuration: falcosidekick's sections, keys and environment variables.
//!
//! An unmodified file of falcosidekick's is one. A section that is no destination here is refused if it is switched
//! on; its example file, which has every section without an address, is not. What has no effect is told, never passed
//! over in silence.

mod environment;
mod file;
mod foreign;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::ConfigError;
use crate::destinations::{AnySection, Destination};
use crate::dress::Dress;
use crate::settings::{Common, Key, Keys as _, keys};

keys! {
    /// What holds for all destinations. The part of a key before `_` is a section of its own in a file.
    pub(crate) struct Shared {
        /// Skip falcosidekick's sections that are no destination here, rather than refuse them.
        skipunsupported: bool = false,
        /// The folder of `client.crt`, `client.key` and `ca.crt` for mutual TLS with destinations.
        mutualtlsfilespath: String = "/etc/certs",
        /// The certificate for mutual TLS, in place of the folder's `client.crt`.
        mutualtlsclient_certfile: String = "",
        /// Its key, in place of the folder's `client.key`.
        mutualtlsclient_keyfile: String = "",
        /// The authority to trust with mutual TLS, in place of the folder's `ca.crt`.
        mutualtlsclient_cacertfile: String = "",
        /// An authority that every destination by TLS trusts, besides the system's.
        tlsclient_cacertfile: String = "",
        + dress: Dress,
    }
}

/// Which integrations there are, and how.
#[derive(Debug, Default)]
pub struct Config {
    pub(crate) shared: Shared,
    /// What the file has in the order of [`DESTINATIONS`], then what only the environment has.
    pub(crate) sections: Vec<(&'static Destination, Box<dyn AnySection>)>,
    /// falcosidekick's sections that are switched on and no destination here.
    unsupported: Vec<&'static str>,
    /// What has no effect; of a destination, if that is switched on.
    unused: Vec<(Option<&'static Destination>, Unused)>,
}

/// A setting that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// Its section, if it has one, and its key.
    pub setting: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.setting, self.reason)
    }
}

/// Where the files for TLS are that all destinations share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certificates {
    folder: PathBuf,
    /// Named one by one, each perhaps empty.
    certificate: String,
    key: String,
    authority: String,
    /// An authority to trust besides the system's.
    trusted: String,
}

impl Certificates {
    /// One of `client.crt`, `client.key` and `ca.crt` for mutual TLS.
    pub(crate) fn path(&self, usual: &str) -> PathBuf {
        let named = match usual {
            "client.crt" => &self.certificate,
            "client.key" => &self.key,
            _ => &self.authority,
        };
        if named.is_empty() { self.folder.join(usual) } else { PathBuf::from(named) }
    }

    /// The authority to trust besides the system's, if there is one.
    pub(crate) fn trusted(&self) -> Option<&Path> {
        (!self.trusted.is_empty()).then(|| Path::new(&self.trusted))
    }
}

impl Clone for Config {
    fn clone(&self) -> Self {
        let sections = self.sections.iter().map(|(kind, section)| (*kind, section.boxed())).collect();
        let (unsupported, unused) = (self.unsupported.clone(), self.unused.clone());
        Self { shared: self.shared.clone(), sections, unsupported, unused }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = Option::<Value>::deserialize(deserializer)?.unwrap_or_default();
        Self::read(file).map_err(D::Error::custom)
    }
}

impl Config {
    /// Refuses falcosidekick's sections that are switched on and no destination here, unless they are to be skipped.
    pub fn check(&self) -> Result<(), ConfigError> {
        let problem = "it is no destination of Cadge: remove the section, or skip such ones with `skipunsupported: true`";
        match self.unsupported.first() {
            Some(name) if !self.shared.skipunsupported => {
                Err(ConfigError { integration: name, problem: problem.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// What is set and has no effect, with the reasons.
    pub fn unused(&self) -> Vec<Unused> {
        let skipped = self.unsupported.iter().map(|name| Unused {
            setting: (*name).to_owned(),
            reason: "it is no destination of Cadge, and skipped".to_owned(),
        });
        let is_on = |kind: &Destination| self.destinations().any(|on| on.name == kind.name);
        let noted = self.unused.iter().filter(|(kind, _)| kind.is_none_or(is_on));
        skipped.chain(noted.map(|(_, unused)| unused.clone())).collect()
    }

    /// The keys that hold for all destinations.
    pub fn shared_keys() -> Vec<Key> {
        Shared::keys()
    }

    /// The keys that every destination's section has.
    pub fn common_keys() -> Vec<Key> {
        Common::keys()
    }

    /// Which destinations are switched on.
    pub fn destinations(&self) -> impl Iterator<Item = &'static Destination> {
        self.sections.iter().filter(|(_, section)| section.is_on()).map(|(kind, _)| *kind)
    }

    pub(crate) fn certificates(&self) -> Certificates {
        let shared = &self.shared;
        Certificates {
            folder: PathBuf::from(&shared.mutualtlsfilespath),
            certificate: shared.mutualtlsclient_certfile.clone(),
            key: shared.mutualtlsclient_keyfile.clone(),
            authority: shared.mutualtlsclient_cacertfile.clone(),
            trusted: shared.tlsclient_cacertfile.clone(),
        }
    }

    fn section(&mut self, kind: &'static Destination) -> &mut dyn AnySection {
        let index = self.sections.iter().position(|(known, _)| known.name == kind.name);
        let index = index.unwrap_or_else(|| {
            self.sections.push((kind, kind.section()));
            self.sections.len() - 1
        });
        self.sections[index].1.as_mut()
    }

    /// A section of falcosidekick's that is no destination here is switched on.
    fn add_unsupported(&mut self, name: &'static str) {
        if !self.unsupported.contains(&name) {
            self.unsupported.push(name);
        }
    }

    /// Notes a key that has no effect, if what it is set to would be anything else than usual.
    fn note_unused(&mut self, kind: &'static Destination, key: &Key, value: &Value) {
        let Some(reason) = key.unused().filter(|_| !foreign::is_usual(key, value)) else { return };
        let setting = format!("{}.{}", kind.name, key.name);
        if !self.unused.iter().any(|(_, known)| known.setting == setting) {
            let reason = reason.trim_end_matches('.').to_owned();
            self.unused.push((Some(kind), Unused { setting, reason }));
        }
    }
}
