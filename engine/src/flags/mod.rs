//! Numbers that the kernel or Falco give to flags, and their names.
//!
//! One list for each kind, in the order in which Falco prints it; a kind that Falco has no names for has
//! the kernel's. The numbers are the kernel's, but for those of open files (`open.rs`).

mod names;
mod open;
mod file;
mod mount;
mod memory;
mod process;
mod ptrace;
mod prctl;
mod signal;
mod capability;
mod socket;
mod uring;
mod kernel;

pub use capability::CAPABILITY;
pub use file::*;
pub use kernel::*;
pub use memory::*;
pub use mount::*;
pub use names::Names;
pub use open::*;
pub use prctl::PRCTL_OPTION;
pub use process::*;
pub use ptrace::PTRACE_REQUEST;
pub use signal::SIGNAL;
pub use socket::*;
pub use uring::*;
