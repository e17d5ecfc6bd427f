//! What is known of a container beside its id: what its runtime says of it and of its pod.

use std::cell::Cell;
use std::collections::BTreeMap;

/// Bytes of a label's value; longer ones are left out. Falco's limit.
const LABEL_BYTES_MAX: usize = 100;

/// A container, as its runtime describes it. Empty text, `None` and 0 stand for what is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its whole id.
    pub full_id: String,
    /// Its name.
    pub name: String,
    /// What runs it, such as `docker` or `containerd`.
    pub runtime: String,
    /// The image, as repository:tag.
    pub image: String,
    /// The image without tag and digest.
    pub repository: String,
    /// The image's tag.
    pub tag: String,
    /// The image's digest, such as `sha256:…`.
    pub digest: String,
    /// The first digits of the image's id.
    pub image_id: String,
    /// It runs with all privileges.
    pub privileged: Option<bool>,
    /// What is mounted into it.
    pub mounts: Vec<Mount>,
    /// Its labels.
    pub labels: Labels,
    /// The first of its addresses.
    pub ip: String,
    /// What the network plugin answered, as JSON.
    pub cni_json: String,
    /// It shares the IPC namespace of the host.
    pub host_ipc: Option<bool>,
    /// It shares the network of the host.
    pub host_network: Option<bool>,
    /// It shares the pid namespace of the host.
    pub host_pid: Option<bool>,
    /// When it was started, in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// Its pod; all empty without one.
    pub pod: Pod,
}

/// The pod of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its unique id.
    pub uid: String,
    /// The whole id of its sandbox.
    pub sandbox_id: String,
    /// Its address.
    pub ip: String,
    /// Its labels.
    pub labels: Labels,
}

/// Something that is mounted into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// Where it is on the host.
    pub source: String,
    /// Where it is in the container.
    pub destination: String,
    /// The mode, as the runtime writes it.
    pub mode: String,
    /// The container may write to it.
    pub is_writable: bool,
    /// What happens to mounts below it, such as `private`.
    pub propagation: String,
}

/// Labels by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Each key and value, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Labels {
    /// Leaves out values that are too long.
    fn from_iter<T: IntoIterator<Item = (String, String)>>(labels: T) -> Self {
        Self(labels.into_iter().filter(|(_, value)| value.len() <= LABEL_BYTES_MAX).collect())
    }
}

impl Mount {
    /// Whether it can be written, as `container.mount.rdwr` says it.
    pub(crate) fn rdwr(&self) -> &'static str {
        if self.is_writable { "true" } else { "false" }
    }
}

/// What is known of the container of an event's process.
#[derive(Clone, Copy, Debug, Default)]
pub enum ContainerState<'a> {
    /// Its id at most: the process runs on the host, or nobody knows the container.
    #[default]
    Unknown,
    /// It is being looked up. A field that is read sets the cell; whoever evaluates learns by it that the
    /// answer matters.
    Pending(&'a Cell<bool>),
    /// This.
    Known(&'a Container),
}

impl<'a> ContainerState<'a> {
    /// The container, for a field; notes that somebody has asked for it.
    pub(crate) fn ask(self) -> Option<&'a Container> {
        match self {
            Self::Unknown => None,
            Self::Pending(asked) => {
                asked.set(true);
                None
            }
            Self::Known(container) => Some(container),
        }
    }
}
