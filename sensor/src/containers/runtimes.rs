//! Every container runtime that the configuration names, asked as one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cadge_engine::Container;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::cri::Cri;
use super::{LookupError, docker};
use crate::config::{ContainerEngine, ContainerEngines};

/// A runtime may take so long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sockets that a pattern stands for at most.
const SOCKETS_MAX: usize = 64;

/// How a runtime is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Api {
    Cri,
    /// Docker's, and what runs the container.
    Docker(&'static str),
}

/// What came of asking all of them.
#[derive(Debug)]
pub(super) enum Asked {
    Known(Box<Container>),
    /// None knows it yet.
    NotYet,
    /// There is nobody to ask.
    Nobody,
}

/// The runtimes.
#[derive(Debug)]
pub(super) struct Runtimes {
    /// Sockets, or patterns of them.
    sockets: Vec<(Api, PathBuf)>,
    /// One connection for each socket of CRI.
    cri: Mutex<HashMap<PathBuf, Arc<Cri>>>,
    /// How many containers may be asked for at the same time.
    permits: Semaphore,
}

impl Runtimes {
    pub(super) fn new(config: &ContainerEngines) -> Self {
        let engines = [
            (Api::Cri, &config.cri),
            (Api::Docker("docker"), &config.docker),
            (Api::Docker("podman"), &config.podman),
        ];
        let sockets = |(api, engine): (Api, &ContainerEngine)| {
            let sockets = if engine.enabled { engine.sockets.clone() } else { Vec::new() };
            sockets.into_iter().map(move |socket| (api, socket))
        };
        Self {
            sockets: engines.into_iter().flat_map(sockets).collect(),
            cri: Mutex::default(),
            permits: Semaphore::new(config.lookups_max.max(1)),
        }
    }

    /// Asks all of them at once; the first that knows the container answers.
    pub(super) async fn look_up(&self, id: &str) -> Asked {
        let Ok(_permit) = self.permits.acquire().await else { return Asked::Nobody };
        let mut asked = JoinSet::new();
        for (api, socket) in self.present() {
            let (id, cri) = (id.to_owned(), (api == Api::Cri).then(|| self.cri(&socket)));
            asked.spawn(async move {
                let answer = timeout(TIMEOUT, async {
                    match (api, cri) {
                        (Api::Docker(runtime), _) => docker::look_up(&socket, runtime, &id).await,
                        (Api::Cri, Some(cri)) => cri?.look_up(&id).await,
                        (Api::Cri, None) => Ok(None),
                    }
                });
                let answer =
                    answer.await.unwrap_or_else(|_| Err(LookupError("it did not answer".to_owned())));
                (socket, answer)
            });
        }
        if asked.is_empty() {
            return Asked::Nobody;
        }
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok((_, Ok(Some(container)))) => return Asked::Known(Box::new(container)),
                Ok((_, Ok(None))) => {}
                Ok((socket, Err(error))) => {
                    tracing::debug!(socket = %socket.display(), id, %error, "a container runtime did not answer");
                }
                Err(error) => tracing::error!(%error, "asking a container runtime has failed"),
            }
        }
        Asked::NotYet
    }

    /// The sockets that are there now: runtimes come and go.
    fn present(&self) -> Vec<(Api, PathBuf)> {
        let expanded = self.sockets.iter().flat_map(|(api, pattern)| {
            expand(pattern).into_iter().filter(|path| path.exists()).map(|path| (*api, path))
        });
        expanded.collect()
    }

    fn cri(&self, socket: &Path) -> Result<Arc<Cri>, LookupError> {
        let mut known = self.cri.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cri) = known.get(socket) {
            return Ok(Arc::clone(cri));
        }
        let cri = Arc::new(Cri::new(socket)?);
        known.insert(socket.to_owned(), Arc::clone(&cri));
        Ok(cri)
    }
}

/// The paths that a pattern stands for: a part that is `*` is any folder.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::new()];
    for part in pattern {
        if part != "*" {
            for path in &mut paths {
                path.push(part);
            }
            continue;
        }
        let folders = paths.iter().filter_map(|path| std::fs::read_dir(path).ok());
        paths = folders.flatten().filter_map(|entry| Some(entry.ok()?.path())).take(SOCKETS_MAX).collect();
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        for user in ["1", "2"] {
            std::fs::create_dir(dir.path().join(user)).unwrap();
        }
        let mut have = expand(&dir.path().join("*/podman/podman.sock"));
        have.sort();
        let expected = ["1", "2"].map(|user| dir.path().join(user).join("podman/podman.sock"));
        assert_eq!(have, expected);
        assert_eq!(expand(Path::new("/run/a.sock")), [PathBuf::from("/run/a.sock")]);
        assert!(expand(&dir.path().join("none/*/x")).is_empty());
    }
}
