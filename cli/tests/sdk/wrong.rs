//! Servers that are no hub, or are not reached as one is.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use crate::log;

/// A port that speaks gRPC without TLS, and has no service at all.
pub(crate) fn grpc_without_services() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        log::runtime().block_on(async {
            let incoming = TcpListenerStream::new(tokio::net::TcpListener::from_std(listener).unwrap());
            let routes = tonic::service::Routes::default();
            Server::builder().add_routes(routes).serve_with_incoming(incoming).await.unwrap();
        });
    });
    port
}

/// A port where everybody may connect and nobody gets an answer.
pub(crate) fn silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut connections = Vec::new();
        while let Ok(connection) = listener.accept() {
            connections.push(connection);
        }
    });
    port
}

/// A socket whose bytes go to a port and back, whatever they are.
pub(crate) fn socket_to(port: u16, socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        while let Ok((near, _)) = listener.accept() {
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            std::thread::spawn(move || copy(near, far, |far: &TcpStream| _ = far.shutdown(Shutdown::Write)));
            std::thread::spawn(move || {
                copy(far_too, near_too, |near: &UnixStream| _ = near.shutdown(Shutdown::Write));
            });
        }
    });
}

/// Passes bytes on until there are no more, and says so.
fn copy<W: Write>(mut from: impl Read, mut to: W, end: impl Fn(&W)) {
    let _ = std::io::copy(&mut from, &mut to);
    end(&to);
}
