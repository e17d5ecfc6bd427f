//! The kernel's numbers for flags to Falco's, by which rules go on every architecture.

use cadge_engine::flags as falco;

use super::record::{FilePart, exe};

/// `O_*` of this architecture, and Falco's bit.
const OPEN: &[(i32, u32)] = &[
    (libc::O_CREAT, falco::O_CREAT),
    (libc::O_APPEND, falco::O_APPEND),
    (libc::O_DSYNC, falco::O_DSYNC),
    (libc::O_EXCL, falco::O_EXCL),
    (libc::O_NONBLOCK, falco::O_NONBLOCK),
    (libc::O_SYNC, falco::O_SYNC),
    (libc::O_TRUNC, falco::O_TRUNC),
    (libc::O_DIRECT, falco::O_DIRECT),
    (libc::O_DIRECTORY, falco::O_DIRECTORY),
    (LARGEFILE, falco::O_LARGEFILE),
    (libc::O_CLOEXEC, falco::O_CLOEXEC),
    (libc::O_TMPFILE, falco::O_TMPFILE),
];

/// The kernel's number: libc says 0 where every file is large.
#[cfg(target_arch = "x86_64")]
const LARGEFILE: i32 = 0o100_000;
#[cfg(target_arch = "aarch64")]
const LARGEFILE: i32 = 0o400_000;

/// Falco's open flags for those of the kernel's that do not say how the file is used.
pub(crate) fn beside_access(flags: u32) -> u32 {
    let flags = flags.cast_signed();
    let set = OPEN.iter().filter(|(kernel, _)| flags & kernel == *kernel);
    set.fold(0, |bits, (_, bit)| bits | bit)
}

/// Falco's open flags for the kernel's, and what is known of the file that was opened.
pub(crate) fn open(flags: u32, file: Option<&FilePart>) -> u32 {
    let flags = flags.cast_signed();
    // A descriptor that is only a place gives no access to what is there, whatever else was asked.
    let access = match flags & (libc::O_ACCMODE | libc::O_PATH) {
        libc::O_RDONLY => falco::O_RDONLY,
        libc::O_WRONLY => falco::O_WRONLY,
        libc::O_RDWR => falco::O_RDWR,
        place if place & libc::O_PATH != 0 => falco::O_PATH,
        // Neither, but what needs both permissions: ioctl.
        _ => falco::O_RDWR,
    };
    let mut bits = access | beside_access(flags.cast_unsigned());
    if let Some(file) = file {
        bits |= if file.created == 0 { 0 } else { falco::O_F_CREATED };
        bits |= if is_in(file, exe::UPPER) { falco::FD_UPPER_LAYER } else { 0 };
        bits |= if is_in(file, exe::LOWER) { falco::FD_LOWER_LAYER } else { 0 };
    }
    bits
}

/// Whether a file is in this layer of an overlay.
pub(crate) fn is_in(file: &FilePart, layer: u32) -> bool {
    u32::from(file.layer) & layer != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_falcos() {
        let text = |flags: u32| {
            let mut out = Vec::new();
            falco::open_flags_text(flags, &mut out);
            String::from_utf8(out).expect("flags are ASCII")
        };
        let flags = |flags: i32| text(open(flags.cast_unsigned(), None));
        assert_eq!(flags(libc::O_RDONLY), "O_RDONLY");
        assert_eq!(flags(libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC), "O_TRUNC|O_CREAT|O_WRONLY");
        assert_eq!(flags(libc::O_RDWR | libc::O_CLOEXEC), "O_RDWR|O_CLOEXEC");
        let file = FilePart {
            ino: 1,
            dev: 1,
            mode: 0,
            flags: 0,
            nlink: 1,
            created: 1,
            layer: u8::try_from(exe::UPPER).unwrap(),
            reserved: [0; 2],
            real_dev: 0,
            real_ino: 0,
        };
        assert_eq!(text(open(0, Some(&file))), "O_RDONLY|O_F_CREATED|FD_UPPER_LAYER");
        assert_eq!(flags(libc::O_PATH | libc::O_RDWR | libc::O_DIRECTORY), "O_DIRECTORY|O_PATH");
        assert_eq!(text(beside_access(libc::O_CLOEXEC.cast_unsigned())), "O_CLOEXEC");
        assert_eq!(text(beside_access(0)), "O_NONE");
        // A file without a name is a directory's flag too, and a synchronous one a data-synchronous one.
        assert_eq!(flags(libc::O_TMPFILE | libc::O_WRONLY), "O_DIRECTORY|O_WRONLY|O_TMPFILE");
    }
}
