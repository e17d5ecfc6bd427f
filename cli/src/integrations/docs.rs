//! The page about all destinations: integrations/README.md, made of the settings' own documentation.

use std::fmt::Write as _;

use cadge_integrations::{Config, DESTINATIONS, Destination, Key};

const HEAD: &str = "<!-- Made by `make docs`. -->
# Where alerts are forwarded to

Each destination is a section of `integrations:` in the hub's configuration, or of a file that `cadge hub
--integrations FILE` names. Sections, keys and environment variables are falcosidekick's, so that a file of
falcosidekick's works as it is. A section is on once its first key has a value.

`cadge integrations test NAME` sends one alert that says it is a test, and prints what the destination answers.
What a destination refuses for good is kept: `cadge integrations dead` and `cadge integrations replay`.
";

/// The page.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n| section | what it does |\n|---|---|\n");
    for kind in DESTINATIONS {
        let _ = writeln!(page, "| [`{0}`](#{1}) | {2} |", kind.name, kind.label(), kind.about);
    }
    page.push_str("\n## For all destinations\n\nAt the top, beside the sections:\n\n");
    let shared = Config::shared_keys();
    keys(&mut page, "", &shared);
    page.push_str("\nIn each section:\n\n");
    let common = Config::common_keys();
    keys(&mut page, "SECTION", &common);
    for kind in DESTINATIONS {
        section(&mut page, kind, &common);
    }
    page
}

fn section(page: &mut String, kind: &Destination, common: &[Key]) {
    let label = kind.label();
    let _ = write!(
        page,
        "\n<a id=\"{label}\"></a>\n## {}\n\n{}\n\n```yaml\n{}```\n\n",
        kind.name, kind.about, kind.example
    );
    let own: Vec<Key> = kind.keys().into_iter().filter(|key| !common.contains(key)).collect();
    keys(page, kind.name, &own);
}

fn keys(page: &mut String, section: &str, keys: &[Key]) {
    page.push_str("| key | environment | default | |\n|---|---|---|---|\n");
    for Key { name, doc, kind, default } in keys {
        let prefix = if section.is_empty() { String::new() } else { format!("{section}_") };
        let variable = format!("{prefix}{name}").replace('.', "_").to_uppercase();
        // Of those for all destinations, some are in a section of their own.
        let name = if section.is_empty() { name.replacen('_', ".", 1) } else { (*name).to_owned() };
        let (default, doc) = (default.replace('|', "\\|"), doc.replace('|', "\\|"));
        let _ = writeln!(page, "| `{name}` | `{variable}` | `{default}` | {doc} ({kind}) |");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_the_one_that_the_settings_make() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../integrations/README.md");
        let known = std::fs::read_to_string(path).unwrap_or_default();
        assert!(known == super::page(), "integrations/README.md is old: run `make docs`");
    }
}
