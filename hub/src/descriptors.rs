//! File descriptors: each connection takes one, and many systems begin with 1,024 of them.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Takes as many as the system allows this process.
pub(crate) fn raise() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(now, most)| {
        if now < most { setrlimit(Resource::RLIMIT_NOFILE, most, most) } else { Ok(()) }
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files can't be raised");
    }
}
