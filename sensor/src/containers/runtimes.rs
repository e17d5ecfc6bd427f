//! Every container runtime that the configuration names, asked as one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cadge_engine::Container;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::cri::Cri;
use super::{Found, LookupError, docker};
use crate::config::ContainerEngines;

/// A runtime may take so long for all that is asked of one container.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The pauses before asking again: a runtime may know a container a little later than the kernel.
const PAUSES_MS: &[u64] = &[5, 10, 20, 40, 80, 160, 320, 640, 1280];

/// Sockets that a pattern stands for at most.
const SOCKETS_MAX: usize = 64;

/// How a runtime is asked.
#[derive(Clone, Copy, Debug)]
enum Api {
    Cri,
    /// Docker's, and what runs the container.
    Docker(&'static str),
}

/// The runtimes.
#[derive(Debug)]
pub(super) struct Runtimes {
    /// Sockets, or patterns of them.
    sockets: Vec<(Api, PathBuf)>,
    known: Mutex<HashMap<PathBuf, Arc<Runtime>>>,
    /// What one runtime may be asked at the same time.
    lookups_max: usize,
}

/// The runtime behind one socket.
#[derive(Debug)]
struct Runtime {
    socket: PathBuf,
    client: Client,
    /// One that hangs keeps only its own.
    permits: Semaphore,
    has_failed: AtomicBool,
}

#[derive(Debug)]
enum Client {
    Cri(Cri),
    Docker(&'static str),
}

impl Runtimes {
    pub(super) fn new(config: &ContainerEngines) -> Self {
        let mut sockets = Vec::new();
        for (api, engine) in [
            (Api::Cri, &config.cri),
            (Api::Docker("docker"), &config.docker),
            (Api::Docker("podman"), &config.podman),
        ] {
            if engine.enabled {
                sockets.extend(engine.sockets.iter().map(|socket| (api, socket.clone())));
            }
        }
        Self { sockets, known: Mutex::default(), lookups_max: config.lookups_max.max(1) }
    }

    /// Asks all of them at once, each again while it does not know the container. The first that does answers.
    pub(super) async fn look_up(&self, id: &str) -> Option<Container> {
        let mut asked = JoinSet::new();
        for runtime in self.present() {
            let id = id.to_owned();
            asked.spawn(async move { runtime.find(&id).await });
        }
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Some(container)) => return Some(container),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "asking a container runtime has failed"),
            }
        }
        None
    }

    /// Those whose sockets are there now: runtimes come and go.
    fn present(&self) -> Vec<Arc<Runtime>> {
        let expanded = self.sockets.iter().flat_map(|(api, pattern)| {
            expand(pattern).into_iter().filter(|path| path.exists()).map(|path| (*api, path))
        });
        expanded.filter_map(|(api, socket)| self.runtime(api, socket)).collect()
    }

    fn runtime(&self, api: Api, socket: PathBuf) -> Option<Arc<Runtime>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = known.get(&socket) {
            return Some(Arc::clone(runtime));
        }
        if known.len() >= SOCKETS_MAX {
            known.retain(|socket, _| socket.exists());
        }
        let client = match api {
            Api::Cri => Client::Cri(Cri::new(&socket).ok()?),
            Api::Docker(name) => Client::Docker(name),
        };
        let permits = Semaphore::new(self.lookups_max);
        let runtime = Runtime { socket: socket.clone(), client, permits, has_failed: AtomicBool::new(false) };
        let runtime = Arc::new(runtime);
        known.insert(socket, Arc::clone(&runtime));
        Some(runtime)
    }
}

impl Runtime {
    /// Asks until it knows all of the container, or was asked often enough.
    async fn find(&self, id: &str) -> Option<Container> {
        let mut partial = None;
        for pause in PAUSES_MS.iter().map(Some).chain([None]) {
            match self.ask(id).await {
                Ok(Some(found)) if found.is_partial => partial = Some(found.container),
                Ok(Some(found)) => return Some(found.container),
                Ok(None) => {}
                Err(error) => self.complain(&error),
            }
            if let Some(pause) = pause {
                sleep(Duration::from_millis(*pause)).await;
            }
        }
        partial
    }

    async fn ask(&self, id: &str) -> Result<Option<Found>, LookupError> {
        let _permit = self.permits.acquire().await.map_err(LookupError::new)?;
        let answer = async {
            match &self.client {
                Client::Cri(cri) => cri.look_up(id).await,
                Client::Docker(name) => docker::look_up(&self.socket, name, id).await,
            }
        };
        timeout(TIMEOUT, answer).await.unwrap_or_else(|_| Err(LookupError("it did not answer".to_owned())))
    }

    /// Says once that a runtime can't be asked: a socket may be there for others only.
    fn complain(&self, error: &LookupError) {
        let socket = self.socket.display();
        if self.has_failed.swap(true, Ordering::Relaxed) {
            tracing::debug!(%socket, %error, "the container runtime can't be asked");
        } else {
            tracing::warn!(%socket, %error, "the container runtime can't be asked");
        }
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
