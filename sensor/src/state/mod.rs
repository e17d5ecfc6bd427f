//! What is remembered between events: processes, and the names of users, groups and hosts.

mod hosts;
mod names;
mod texts;
mod processes;

pub(crate) use hosts::HostNames;
pub(crate) use names::Names;
pub(crate) use processes::ProcessTable;
