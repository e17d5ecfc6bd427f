//! Numbers of system calls by their names.

use std::str::FromStr as _;

/// The numbers of those calls that an architecture has.
pub(super) fn all(names: &[&str], number: fn(&str) -> Option<u32>) -> Vec<u32> {
    names.iter().filter_map(|name| number(name)).collect()
}

/// The number of a call of this machine's programs.
#[cfg(target_arch = "x86_64")]
pub(super) fn native(name: &str) -> Option<u32> {
    syscalls::x86_64::Sysno::from_str(name).ok().and_then(|call| u32::try_from(call.id()).ok())
}

/// The number of a call of its 32-bit programs.
#[cfg(target_arch = "x86_64")]
pub(super) fn compat(name: &str) -> Option<u32> {
    syscalls::x86::Sysno::from_str(name).ok().and_then(|call| u32::try_from(call.id()).ok())
}

#[cfg(target_arch = "aarch64")]
pub(super) fn native(name: &str) -> Option<u32> {
    syscalls::aarch64::Sysno::from_str(name).ok().and_then(|call| u32::try_from(call.id()).ok())
}

#[cfg(target_arch = "aarch64")]
pub(super) fn compat(name: &str) -> Option<u32> {
    syscalls::arm::Sysno::from_str(name).ok().and_then(|call| u32::try_from(call.id()).ok())
}
