//! What is remembered between events: processes, and the names of users and groups.

mod names;
mod texts;
mod processes;

pub(crate) use names::Names;
pub(crate) use processes::ProcessTable;
