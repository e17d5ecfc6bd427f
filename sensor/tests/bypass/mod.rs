//! Ways around a rule, by their rows in the table of known ones. Each is tried on the running kernel, and
//! the rule must raise its alert all the same.

mod containers_left;
pub(crate) mod guard;
mod network;
mod other_abis;
mod programs;
mod uring;
mod renamed;
mod swapped;
mod writes;
