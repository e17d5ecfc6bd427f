//! What is remembered between events: processes, sockets, and the names of users, groups and hosts.

mod aliases;
mod hosts;
mod names;
mod texts;
mod processes;
mod sockets;

pub(crate) use aliases::Aliases;
pub(crate) use hosts::HostNames;
pub(crate) use names::Names;
pub(crate) use processes::ProcessTable;
pub(crate) use sockets::{Role, Sockets};
