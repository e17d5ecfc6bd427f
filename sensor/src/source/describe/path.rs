//! The path that a caller means.

use cadge_engine::Process;

/// Writes a path into `out` by what the caller wrote and the directory that this is relative to: absolute
/// and without `.`, `..` and `//`, but through symbolic links unseen. Falco's mark stands for a directory that
/// is not known. An empty path is the directory itself: of a call that allows it, or one that has failed.
pub(super) fn resolve(base: Option<&[u8]>, raw: &[u8], out: &mut Vec<u8>) {
    out.clear();
    if raw.is_empty() && base.is_none() {
        return;
    }
    let base = if raw.starts_with(b"/") { b"" } else { base.unwrap_or(b"/<UNKNOWN>") };
    for name in base.split(|byte| *byte == b'/').chain(raw.split(|byte| *byte == b'/')) {
        match name {
            b"" | b"." => {}
            b".." => out.truncate(out.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
            name => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
}

/// Links that are followed of one path.
const LINKS_MAX: usize = 8;

/// Takes `/proc/self/root` and `/proc/self/cwd` out of a path, under every name that they have for a process
/// itself. Other links are not known: they would have to be looked at, and may be others by now.
pub(super) fn follow_own_links(path: &mut Vec<u8>, process: &Process) {
    for _ in 0..LINKS_MAX {
        let Some(rest) = path.strip_prefix(b"/proc/") else { return };
        let Some((who, rest)) = split_name(rest) else { return };
        if !is_itself(who, process) {
            return;
        }
        let (link, rest) = split_name(rest).unwrap_or((rest, b""));
        let base = match link {
            b"root" => b"/",
            b"cwd" => &*process.cwd,
            _ => return,
        };
        let mut followed = base.strip_suffix(b"/").unwrap_or(base).to_vec();
        if !rest.is_empty() || followed.is_empty() {
            followed.push(b'/');
            followed.extend_from_slice(rest);
        }
        *path = followed;
    }
}

/// A path's first name, and what is behind it.
fn split_name(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = path.iter().position(|byte| *byte == b'/')?;
    Some((&path[..end], &path[end + 1..]))
}

fn is_itself(name: &[u8], process: &Process) -> bool {
    let number = || std::str::from_utf8(name).ok()?.parse::<i64>().ok();
    let own = |pid| pid == process.pid || pid == process.vpid;
    matches!(name, b"self" | b"thread-self") || number().is_some_and(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resolved(base: Option<&[u8]>, raw: &[u8]) -> Vec<u8> {
        let mut out = b"left over".to_vec();
        resolve(base, raw, &mut out);
        out
    }

    proptest! {
        #[test]
        fn what_is_resolved_has_no_detours(
            base in prop::option::of("/[a-c./]{0,12}"),
            raw in "[a-c./]{0,16}",
        ) {
            let base = base.as_ref().map(String::as_bytes);
            let out = resolved(base, raw.as_bytes());
            if out.is_empty() {
                prop_assert!(raw.is_empty() && base.is_none());
                return Ok(());
            }
            prop_assert_eq!(out[0], b'/');
            prop_assert!(out.len() == 1 || !out.ends_with(b"/"));
            let names = out[1..].split(|byte| *byte == b'/');
            prop_assert!(out.len() == 1 || names.clone().all(|name| !matches!(name, b"" | b"." | b"..")));
            // It is where it is, whatever it is relative to.
            prop_assert_eq!(&resolved(base, &out), &out);
            prop_assert_eq!(&resolved(None, &out), &out);
            // In two steps as in one.
            if !raw.is_empty() {
                let there = resolved(Some(&out), b"x/../y");
                let mut expected = if out == b"/" { Vec::new() } else { out.clone() };
                expected.extend_from_slice(b"/y");
                prop_assert_eq!(there, expected);
            }
        }

        #[test]
        fn any_bytes_are_resolved(base in prop::option::of(any::<Vec<u8>>()), raw in any::<Vec<u8>>()) {
            let out = resolved(base.as_deref(), &raw);
            let bound = base.map_or(10, |base| base.len()) + raw.len() + 2;
            prop_assert!(out.len() <= bound, "{} {bound}", out.len());
        }
    }

    #[test]
    fn paths_are_absolute_and_without_detours() {
        let mut out = Vec::new();
        for (base, raw, expected) in [
            (Some(&b"/var/tmp"[..]), &b"./a/../b"[..], &b"/var/tmp/b"[..]),
            (Some(b"/var"), b"../..", b"/"),
            (Some(b"/var"), b"/etc//shadow", b"/etc/shadow"),
            (None, b"x", b"/<UNKNOWN>/x"),
            (Some(b"/var"), b"", b"/var"),
            (None, b"", b""),
        ] {
            resolve(base, raw, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_process_is_known_by_its_own_links() {
        let process = Process { pid: 70, vpid: 7, cwd: (*b"/var/tmp/").into(), ..Process::default() };
        for (path, expected) in [
            ("/proc/self/root/etc/shadow", "/etc/shadow"),
            ("/proc/70/root/etc/shadow", "/etc/shadow"),
            ("/proc/7/root/proc/self/root/etc/shadow", "/etc/shadow"),
            ("/proc/thread-self/cwd/x", "/var/tmp/x"),
            ("/proc/self/cwd", "/var/tmp"),
            ("/proc/self/root", "/"),
            ("/proc/8/root/etc/shadow", "/proc/8/root/etc/shadow"),
            ("/proc/self/roots/x", "/proc/self/roots/x"),
            ("/proc/self", "/proc/self"),
            ("/etc/shadow", "/etc/shadow"),
        ] {
            let mut path = path.as_bytes().to_vec();
            follow_own_links(&mut path, &process);
            assert_eq!(String::from_utf8(path).unwrap(), expected);
        }
    }
}
