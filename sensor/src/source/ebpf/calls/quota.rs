//! `quotactl`: who may use how much of a file system.

use cadge_engine::{ArgValue, flags};

use super::{CRITICAL, Call, FdOf, Take, Value};
use crate::source::describe::Taken;
use crate::source::ebpf::record::part;

/// Bytes of `struct if_dqblk`, the longest that the call takes or gives.
const DQBLK_BYTES: u8 = 72;

/// Commands, without whose quota it is.
const QUOTA_ON: u32 = 0x80_0002;
const GET_FORMAT: u32 = 0x80_0004;
const ABOUT_ALL: [u32; 2] = [0x80_0005, 0x80_0006];
const ABOUT_ONE: [u32; 3] = [0x80_0007, 0x80_0008, 0x80_0009];

pub(super) const CALLS: &[Call] = &[Call {
    event: "quotactl",
    calls: &["quotactl"],
    flags: CRITICAL,
    takes: &[Take::String(1), Take::String(3), Take::Bytes(3, DQBLK_BYTES)],
    args: &[
        ("res", Value::Result),
        ("special", Value::Text(1)),
        ("quotafilepath", Value::Made(file)),
        ("dqb_bhardlimit", Value::Made(|taken| of_one(taken, 0))),
        ("dqb_bsoftlimit", Value::Made(|taken| of_one(taken, 8))),
        ("dqb_curspace", Value::Made(|taken| of_one(taken, 16))),
        ("dqb_ihardlimit", Value::Made(|taken| of_one(taken, 24))),
        ("dqb_isoftlimit", Value::Made(|taken| of_one(taken, 32))),
        ("dqb_btime", Value::Made(|taken| of_one(taken, 48))),
        ("dqb_itime", Value::Made(|taken| of_one(taken, 56))),
        ("dqi_bgrace", Value::Made(|taken| of_all(taken, 0))),
        ("dqi_igrace", Value::Made(|taken| of_all(taken, 8))),
        (
            "dqi_flags",
            Value::Made(|taken| ArgValue::Flags {
                value: short(taken, &ABOUT_ALL, 16).into(),
                names: &flags::QUOTACTL_FLAGS,
            }),
        ),
        (
            "quota_fmt_out",
            Value::Made(|taken| named(short(taken, &[GET_FORMAT], 0), &flags::QUOTACTL_FORMAT)),
        ),
        ("cmd", Value::Made(|taken| named(command(taken), &flags::QUOTACTL_COMMAND))),
        ("type", Value::Made(|taken| named(taken.call.word(0) & 0xff, &flags::QUOTACTL_TYPE))),
        ("id", Value::Uint(2)),
        ("quota_fmt", Value::Made(format)),
    ],
    fd: FdOf::None,
}];

fn command(taken: &Taken<'_>) -> u32 {
    taken.call.word(0) >> 8
}

fn named<'a>(number: u32, names: &'static flags::Names) -> ArgValue<'a> {
    ArgValue::Enum { value: number.into(), names }
}

/// The number of eight bytes at a place; 0 if the command has no such, as in Falco.
fn long(taken: &Taken<'_>, commands: &[u32], at: usize) -> u64 {
    let bytes = if commands.contains(&command(taken)) { taken.bytes(part::BYTES, 3) } else { b"" };
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

fn of_one<'a>(taken: &Taken<'a>, at: usize) -> ArgValue<'a> {
    ArgValue::Uint(long(taken, &ABOUT_ONE, at))
}

fn of_all<'a>(taken: &Taken<'a>, at: usize) -> ArgValue<'a> {
    ArgValue::Uint(long(taken, &ABOUT_ALL, at))
}

/// Its lower half.
fn short(taken: &Taken<'_>, commands: &[u32], at: usize) -> u32 {
    u32::try_from(long(taken, commands, at) & 0xffff_ffff).unwrap_or_default()
}

/// The file that holds the quotas, where the command takes one.
fn file<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    ArgValue::Text(if command(taken) == QUOTA_ON { taken.bytes(part::STRING, 3) } else { b"" })
}

/// The format of that file.
fn format<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let format = if command(taken) == QUOTA_ON { taken.call.word(2) } else { 0 };
    named(format, &flags::QUOTACTL_FORMAT)
}
