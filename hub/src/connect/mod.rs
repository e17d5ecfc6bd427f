//! Connections: how they are accepted, who is at their other end, and what that one may do.

pub(crate) mod identity;
pub(crate) mod access;
pub(crate) mod clients;
pub(crate) mod tokens;
pub(crate) mod bearers;
mod stamp;
mod revocation;
pub(crate) mod live;
pub(crate) mod tls;
mod handshakes;
pub(crate) mod unix_socket;
pub(crate) mod heard;
pub(crate) mod connection;
mod authority;
pub(crate) mod listen;
