//! Containers on this host: each is asked for at its runtime when it is seen first, and remembered.
//!
//! The loop's side never waits: it knows a container, or that the answer is on its way. The other side asks
//! runtimes on tokio.

mod image;
mod cri;
mod docker;
mod runtimes;
mod lookups;
mod states;

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use cadge_engine::{Container, Labels, Pod};
use tokio::sync::mpsc;

use crate::config::ContainerEngines;
use crate::counters::Counters;
pub(crate) use lookups::Lookups;
use runtimes::Runtimes;
pub(crate) use states::Containers;
#[cfg(test)]
pub(crate) use states::tests as by_hand;

/// Containers that may wait to be asked for.
const REQUESTS_MAX: usize = 1024;

/// Digits of an id that runtimes take for the whole.
const ID_DIGITS: usize = 12;

/// Why a runtime did not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct LookupError(String);

impl LookupError {
    fn new(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

/// What one runtime says of a container.
#[derive(Debug, Default)]
struct Found {
    container: Container,
    /// Some of it could not be asked for, and may be there the next time.
    is_partial: bool,
}

/// What came of asking for a container.
#[derive(Debug)]
struct Answer {
    id: Box<str>,
    /// `None` if no runtime knows it.
    container: Option<Arc<Container>>,
}

/// Both sides.
pub(crate) fn containers(config: &ContainerEngines, counters: &Arc<Counters>) -> (Containers, Lookups) {
    let (requests, requested) = mpsc::channel(REQUESTS_MAX);
    let (answer, answers) = mpsc::channel(REQUESTS_MAX);
    let containers = Containers::new(config.containers_max, requests, answers, Arc::clone(counters));
    let runtimes = Runtimes::new(config);
    (containers, Lookups::new(requested, answer, runtimes, Arc::clone(counters)))
}

/// Whether a runtime may know a container of this id; others have ids that nobody can be asked for.
fn can_be_asked_for(id: &str) -> bool {
    id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn labels(labels: HashMap<String, String>) -> Labels {
    labels.into_iter().collect()
}

/// The pod that the labels of a container name, and for the rest `pod`.
fn pod(labels: &Labels, pod: Pod) -> Pod {
    let or = |key: &str, known: String| labels.get(key).map_or(known, str::to_owned);
    Pod {
        name: or("io.kubernetes.pod.name", pod.name),
        namespace: or("io.kubernetes.pod.namespace", pod.namespace),
        uid: or("io.kubernetes.pod.uid", pod.uid),
        sandbox_id: or("io.kubernetes.sandbox.id", pod.sandbox_id),
        ..pod
    }
}
