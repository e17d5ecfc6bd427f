//! Numbers that Falco gives to flags, and their text.
//!
//! A source turns the kernel's `O_*` into these, so that rules read the same on every architecture.

/// Opened for reading.
pub const O_RDONLY: u32 = 1;
/// Opened for writing.
pub const O_WRONLY: u32 = 1 << 1;
/// Opened for both.
pub const O_RDWR: u32 = O_RDONLY | O_WRONLY;
/// Create it if it is not there.
pub const O_CREAT: u32 = 1 << 2;
/// Each write goes to the end.
pub const O_APPEND: u32 = 1 << 3;
/// Writes wait for the disk.
pub const O_DSYNC: u32 = 1 << 4;
/// Fail if it is there.
pub const O_EXCL: u32 = 1 << 5;
/// Never wait.
pub const O_NONBLOCK: u32 = 1 << 6;
/// Writes wait for the disk, also for times and sizes.
pub const O_SYNC: u32 = 1 << 7;
/// Empty it.
pub const O_TRUNC: u32 = 1 << 8;
/// Past the page cache.
pub const O_DIRECT: u32 = 1 << 9;
/// Fail if it is not a directory.
pub const O_DIRECTORY: u32 = 1 << 10;
/// Sizes of 64 bits.
pub const O_LARGEFILE: u32 = 1 << 11;
/// Closed by exec.
pub const O_CLOEXEC: u32 = 1 << 12;
/// A file without a name.
pub const O_TMPFILE: u32 = 1 << 13;
/// This call created the file.
pub const O_F_CREATED: u32 = 1 << 14;
/// The file is in the upper layer of an overlay.
pub const FD_UPPER_LAYER: u32 = 1 << 15;
/// The file is in a lower layer of an overlay.
pub const FD_LOWER_LAYER: u32 = 1 << 16;
/// Opened as a place only: neither for reading nor for writing. Falco has no bit for it.
pub const O_PATH: u32 = 1 << 17;

/// In the order in which they are printed.
const OPEN: &[(u32, &str)] = &[
    (O_LARGEFILE, "O_LARGEFILE"),
    (O_DIRECTORY, "O_DIRECTORY"),
    (O_DIRECT, "O_DIRECT"),
    (O_TRUNC, "O_TRUNC"),
    (O_SYNC, "O_SYNC"),
    (O_NONBLOCK, "O_NONBLOCK"),
    (O_EXCL, "O_EXCL"),
    (O_DSYNC, "O_DSYNC"),
    (O_APPEND, "O_APPEND"),
    (O_CREAT, "O_CREAT"),
    (O_RDWR, "O_RDWR"),
    (O_WRONLY, "O_WRONLY"),
    (O_RDONLY, "O_RDONLY"),
    (O_CLOEXEC, "O_CLOEXEC"),
    (O_TMPFILE, "O_TMPFILE"),
    (O_F_CREATED, "O_F_CREATED"),
    (FD_UPPER_LAYER, "FD_UPPER_LAYER"),
    (FD_LOWER_LAYER, "FD_LOWER_LAYER"),
    (O_PATH, "O_PATH"),
];

/// In the order in which they are printed: the other way round than `ls` does.
const MODE: &[(u32, &str)] = &[
    (0o001, "S_IXOTH"),
    (0o002, "S_IWOTH"),
    (0o004, "S_IROTH"),
    (0o010, "S_IXGRP"),
    (0o020, "S_IWGRP"),
    (0o040, "S_IRGRP"),
    (0o100, "S_IXUSR"),
    (0o200, "S_IWUSR"),
    (0o400, "S_IRUSR"),
    (0o1000, "S_ISVTX"),
    (0o2000, "S_ISGID"),
    (0o4000, "S_ISUID"),
];

/// What kind of file `mknod` makes: one of these numbers, not bits.
const KIND: &[(u32, &str)] = &[
    (0o100_000, "S_IFREG"),
    (0o020_000, "S_IFCHR"),
    (0o060_000, "S_IFBLK"),
    (0o010_000, "S_IFIFO"),
    (0o140_000, "S_IFSOCK"),
    (0o040_000, "S_IFDIR"),
    (0o120_000, "S_IFLNK"),
];

/// Adds the text of open flags, such as `O_CREAT|O_WRONLY`; `O_NONE` for none.
pub fn open_flags_text(flags: u32, out: &mut Vec<u8>) {
    if flags == 0 { out.extend_from_slice(b"O_NONE") } else { joined(OPEN, flags, out) }
}

/// Adds the text of permission bits and of the kind of file, if there is one: `S_IWUSR|S_IRUSR|S_IFREG`.
pub fn mode_text(mode: u32, out: &mut Vec<u8>) {
    let kind = KIND.iter().find(|(number, _)| *number == mode & 0o170_000);
    match kind {
        Some((number, name)) if mode == *number => out.extend_from_slice(name.as_bytes()),
        Some((number, name)) => {
            joined(MODE, mode & !number, out);
            out.push(b'|');
            out.extend_from_slice(name.as_bytes());
        }
        None => joined(MODE, mode, out),
    }
}

/// The names of the bits that are set, each bit named once; the number if none has a name.
fn joined(table: &[(u32, &str)], flags: u32, out: &mut Vec<u8>) {
    let mut rest = flags;
    let start = out.len();
    for (bits, name) in table {
        if rest & bits == *bits {
            rest &= !bits;
            if out.len() > start {
                out.push(b'|');
            }
            out.extend_from_slice(name.as_bytes());
        }
    }
    if out.len() == start {
        use std::io::Write as _;
        let _ = write!(out, "{flags}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(print: fn(u32, &mut Vec<u8>), flags: u32, expected: &str) {
        let mut out = Vec::new();
        print(flags, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn open_flags_print_in_the_tables_order() {
        check(open_flags_text, O_CREAT | O_WRONLY | O_TRUNC, "O_TRUNC|O_CREAT|O_WRONLY");
        check(open_flags_text, O_RDWR | O_CLOEXEC, "O_RDWR|O_CLOEXEC");
        check(open_flags_text, 0, "O_NONE");
        check(open_flags_text, 1 << 30, "1073741824");
    }

    #[test]
    fn modes_name_each_bit() {
        check(mode_text, 0o4755, "S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID");
        check(mode_text, 0, "0");
    }

    #[test]
    fn a_mode_may_have_a_kind() {
        check(mode_text, 0o060_600, "S_IWUSR|S_IRUSR|S_IFBLK");
        check(mode_text, 0o140_000, "S_IFSOCK");
    }
}
