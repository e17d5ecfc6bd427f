//! `pmatch`: is a path one of a list, or below one of it? Whole components count.

use std::collections::HashMap;

use super::glob::Glob;

/// Paths as a tree of components. Finding costs as many steps as the path has components, however
/// long the list is; patterns are tried one after another.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    root: Step,
}

#[derive(Debug, Default)]
struct Step {
    /// A listed path ends here: everything below fits.
    ends: bool,
    next: HashMap<Box<[u8]>, Step>,
    patterns: Vec<(Glob, Step)>,
}

impl Prefixes {
    pub(super) fn new<'a>(paths: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut root = Step::default();
        for path in paths {
            let mut step = &mut root;
            for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
                step = if Glob::is_plain(part) {
                    step.next.entry(part.into()).or_default()
                } else {
                    let at = step.patterns.len();
                    step.patterns.push((Glob::new(part, false), Step::default()));
                    &mut step.patterns[at].1
                };
            }
            step.ends = true;
        }
        Self { root }
    }

    pub(super) fn is_match(&self, path: &[u8]) -> bool {
        self.root.is_match(path)
    }
}

impl Step {
    fn is_match(&self, path: &[u8]) -> bool {
        if self.ends {
            return true;
        }
        let Some(start) = path.iter().position(|byte| *byte != b'/') else { return false };
        let path = &path[start..];
        let end = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
        let (part, rest) = path.split_at(end);
        self.next.get(part).is_some_and(|step| step.is_match(rest))
            || self.patterns.iter().any(|(glob, step)| glob.is_match(part) && step.is_match(rest))
    }
}
