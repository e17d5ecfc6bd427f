//! The path that a caller means.

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
