//! The Unix socket: a file that only those can connect to who may.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group};
use tokio::net::UnixListener;

use crate::config::Grpc;
use crate::error::Error;

/// A listening Unix socket. Its file goes with it.
pub(crate) struct UnixSocket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
}

impl UnixSocket {
    /// Listens at `path`. A socket file that nobody listens on any more is replaced.
    pub(crate) fn bind(path: &Path, config: &Grpc) -> Result<Self, Error> {
        let failed = |cause| Error::Listen { address: path.display().to_string(), cause };
        let group = config.unix_socket_group.as_deref().map(group).transpose()?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        if std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(failed(io::Error::new(io::ErrorKind::AddrInUse, "another hub listens there")));
            }
            std::fs::remove_file(path).map_err(failed)?;
        }
        if std::fs::symlink_metadata(path).is_ok() {
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "something else is there")));
        }
        // It gets its name once its mode is right: before, nobody knows where to connect to.
        let made = path.with_extension(format!("new-{}", std::process::id()));
        let _ = std::fs::remove_file(&made);
        let listener = UnixListener::bind(&made).map_err(failed)?;
        let named =
            restrict(&made, config.unix_socket_mode, group).and_then(|()| std::fs::rename(&made, path));
        if let Err(cause) = named {
            let _ = std::fs::remove_file(&made);
            return Err(failed(cause));
        }
        Ok(Self { listener, path: path.to_owned() })
    }
}

fn restrict(path: &Path, mode: u32, group: Option<Gid>) -> io::Result<()> {
    if group.is_some() {
        nix::unistd::chown(path, None, group)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// A group by name or number.
fn group(name: &str) -> Result<Gid, Error> {
    if let Ok(gid) = name.parse() {
        return Ok(Gid::from_raw(gid));
    }
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid),
        _ => Err(Error::Configuration(format!("grpc.unix_socket_group: there is no group `{name}`"))),
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[tokio::test]
    async fn the_file_has_its_mode_and_group_and_goes_with_the_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cadge.sock");
        let own = nix::unistd::getegid().as_raw();
        let config =
            Grpc { unix_socket_mode: 0o640, unix_socket_group: Some(own.to_string()), ..Grpc::default() };
        let socket = UnixSocket::bind(&path, &config).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.gid()), (0o640, own));
        let Err(Error::Listen { cause, .. }) = UnixSocket::bind(&path, &config) else { panic!("two listen") };
        assert_eq!(cause.kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_group_that_is_none_and_a_file_in_the_way_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cadge.sock");
        let config = Grpc { unix_socket_group: Some("no-such-group".to_owned()), ..Grpc::default() };
        let Err(error) = UnixSocket::bind(&path, &config) else { panic!("it was taken") };
        assert!(error.is_configuration() && error.to_string().contains("`no-such-group`"), "{error}");
        std::fs::write(&path, "precious").unwrap();
        assert!(UnixSocket::bind(&path, &Grpc::default()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
