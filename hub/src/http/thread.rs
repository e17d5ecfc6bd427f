//! A thread of its own for HTTP. A request that comes alone then costs two changes between threads, to the log and back,
//! and several that come together cost no more; and handshakes of strangers hold up no sensor's stream.

use std::future::Future;
use std::io;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Runs something on a thread until it ends. What comes back ends when it does; to drop that breaks it off.
pub(super) fn run<F: Future<Output = ()>>(
    what: impl FnOnce() -> F + Send + 'static,
) -> io::Result<impl Future<Output = ()> + Send> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (says, ended) = oneshot::channel::<()>();
    let broken_off = CancellationToken::new();
    let guard = broken_off.clone().drop_guard();
    let run = move || {
        runtime.block_on(broken_off.run_until_cancelled(async { what().await }));
        runtime.shutdown_background();
        drop(says);
    };
    std::thread::Builder::new().name("cadge-http".to_owned()).spawn(run)?;
    Ok(async move {
        let _ = ended.await;
        drop(guard);
    })
}
