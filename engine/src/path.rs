//! Paths as text: joined and normalised without looking at any file.

/// `path`, which may be relative, below `dir`: `.`, `..` and `//` are resolved by text alone, links are not
/// followed, and nothing is above the root. No `/` stands at the end. `dir` is taken as it is.
pub fn concatenate(dir: &[u8], path: &[u8]) -> Vec<u8> {
    let mut out = if path.starts_with(b"/") { b"/".to_vec() } else { dir.to_vec() };
    for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        let is_apart = out.is_empty() || out.ends_with(b"/");
        match part {
            b"." if is_apart => {}
            b".." if is_apart => {
                let inner = out.strip_suffix(b"/").unwrap_or(&out);
                let parent = inner.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
                out.truncate(if out == b"/" { 1 } else { parent });
            }
            part => {
                out.extend_from_slice(part);
                out.push(b'/');
            }
        }
    }
    if out.len() > 1 && out.ends_with(b"/") {
        out.pop();
    }
    out
}
