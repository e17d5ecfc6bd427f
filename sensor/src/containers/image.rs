//! Names of images: `repository:tag@digest`.

use cadge_engine::Container;

/// The tag that is meant where none is written.
const LATEST: &str = "latest";

/// Digits of an image's id that are shown.
const SHORT: usize = 12;

/// What a runtime says of an image.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    /// As the container names it: a name, or an id.
    pub(super) given: String,
    pub(super) id: String,
    /// Its names with tags.
    pub(super) tags: Vec<String>,
    /// Its names with digests.
    pub(super) digests: Vec<String>,
}

impl Image {
    /// Writes down what rules ask for.
    pub(super) fn describe(&self, container: &mut Container) {
        let id = self.id.strip_prefix("sha256:").unwrap_or(&self.id);
        container.image_id = id.chars().take(SHORT).collect();
        let mut name = self.given.as_str();
        if is_id(name) {
            name = self.tags.iter().chain(&self.digests).next().map_or("", String::as_str);
        }
        let (name, digest) = name.split_once('@').unwrap_or((name, ""));
        let (repository, tag) = split_tag(name);
        let is_plain = tag.is_empty() && digest.is_empty() && !repository.is_empty();
        let digest = if digest.is_empty() { self.digest(repository) } else { digest };
        name.clone_into(&mut container.image);
        repository.clone_into(&mut container.repository);
        if is_plain { LATEST } else { tag }.clone_into(&mut container.tag);
        digest.clone_into(&mut container.digest);
    }

    /// The digest by which its repository knows it, else that of any.
    fn digest(&self, repository: &str) -> &str {
        let pairs = || self.digests.iter().filter_map(|name| name.split_once('@'));
        let own = pairs().find(|(name, _)| *name == repository);
        own.or_else(|| pairs().next()).map_or("", |(_, digest)| digest)
    }
}

/// A colon before the last slash is a registry's port.
fn split_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, ""),
    }
}

/// `sha256:` and digits, or at least twelve digits.
fn is_id(name: &str) -> bool {
    let digits = name.strip_prefix("sha256:").unwrap_or(name);
    digits.len() >= SHORT && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(given: &str) -> Container {
        let image = Image {
            given: given.to_owned(),
            id: format!("sha256:{}", "0123456789abcdef".repeat(4)),
            tags: vec!["reg:5000/a/b:7".to_owned()],
            digests: vec!["other@sha256:1".to_owned(), "reg:5000/a/b@sha256:2".to_owned()],
        };
        let mut container = Container::default();
        image.describe(&mut container);
        container
    }

    #[test]
    fn names_are_taken_apart() {
        for (given, image, repository, tag, digest) in [
            ("nginx", "nginx", "nginx", "latest", "sha256:1"),
            ("nginx:1", "nginx:1", "nginx", "1", "sha256:1"),
            ("reg:5000/a/b", "reg:5000/a/b", "reg:5000/a/b", "latest", "sha256:2"),
            ("reg:5000/a/b:7@sha256:9", "reg:5000/a/b:7", "reg:5000/a/b", "7", "sha256:9"),
            ("a@sha256:9", "a", "a", "", "sha256:9"),
            ("sha256:0123456789abcdef", "reg:5000/a/b:7", "reg:5000/a/b", "7", "sha256:2"),
            ("0123456789abcdef", "reg:5000/a/b:7", "reg:5000/a/b", "7", "sha256:2"),
        ] {
            let have = described(given);
            let expected = (image, repository, tag, digest, "0123456789ab");
            let have = (
                have.image.as_str(),
                have.repository.as_str(),
                have.tag.as_str(),
                have.digest.as_str(),
                have.image_id.as_str(),
            );
            assert_eq!(have, expected, "{given}");
        }
        let nothing = Image::default();
        let mut container = Container::default();
        nothing.describe(&mut container);
        assert_eq!(container, Container::default());
    }
}
