//! What rule files ask of the engine and of plugins.

use super::entry::{Entry, Result};
use super::yaml::{Content, Node};
use super::{Finding, Place};
use crate::LANGUAGE_VERSION;
use crate::Plugin;
use crate::problem::Code;

type Version = (u32, u32, u32);

/// A file needs one of these plugins.
#[derive(Clone, Debug)]
pub(super) struct Requirement {
    any: Vec<(String, Version)>,
    place: Place,
}

fn parse(text: &str) -> Option<Version> {
    let parts: Vec<u32> = text.split('.').map(str::parse).collect::<std::result::Result<_, _>>().ok()?;
    match parts[..] {
        [major, minor, patch] => Some((major, minor, patch)),
        _ => None,
    }
}

/// The same major version, and not an older one.
fn is_compatible(have: Version, need: Version) -> bool {
    have.0 == need.0 && have >= need
}

fn written((major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
}

/// `N` is `0.N.0`.
pub(super) fn engine(entry: &Entry<'_>, value: &Node) -> Result<()> {
    let text = value.scalar().unwrap_or_default();
    let Some(required) = text.parse().ok().map(|minor| (0, minor, 0)).or_else(|| parse(text)) else {
        return entry.fail(value, format!(
            "Unable to parse engine version '{text}' as a semver string. Expected \"x.y.z\" semver format."
        ));
    };
    if is_compatible(LANGUAGE_VERSION, required) {
        return Ok(());
    }
    let message = format!(
        "Rules require engine version {}, but engine version is {}",
        written(required),
        written(LANGUAGE_VERSION)
    );
    Err(entry.finding(Code::Validate, value, message))
}

/// Reads `required_plugin_versions`.
pub(super) fn plugins(entry: &Entry<'_>, value: &Node) -> Result<Vec<Requirement>> {
    let Content::Sequence(parts) = &value.content else {
        return entry.fail(value, "Value of required_plugin_versions must be a sequence");
    };
    let mut requirements = Vec::new();
    for part in parts {
        let part = entry.within(part, "required plugin versions entry");
        let mut any = vec![plugin(&part)?];
        if let Some(alternatives) = part.get("alternatives") {
            let Content::Sequence(alternatives) = &alternatives.content else {
                return part.fail(alternatives, "Value of plugin version alternatives must be a sequence");
            };
            for node in alternatives {
                let entry = entry.within(node, "required plugin versions alternative");
                let alternative = plugin(&entry)?;
                if any.iter().any(|(name, _)| *name == alternative.0) {
                    let message = format!(
                        "Plugin requirement alternative '{}' is listed more than once",
                        alternative.0
                    );
                    return Err(entry.finding(Code::Validate, node, message));
                }
                any.push(alternative);
            }
        }
        requirements.push(Requirement { any, place: part.place(part.node) });
    }
    Ok(requirements)
}

fn plugin(entry: &Entry<'_>) -> Result<(String, Version)> {
    let name = entry.text("name")?.as_str().to_owned();
    let text = entry.text("version")?;
    if let Some(version) = parse(text.as_str()) {
        Ok((name, version))
    } else {
        let message = format!("Invalid required version '{}' for plugin '{name}'", text.as_str());
        Err(entry.finding(Code::Validate, entry.node, message))
    }
}

/// The first requirement that none of the plugins meets.
pub(super) fn unmet(requirements: &[Requirement], plugins: &[Plugin]) -> Option<Finding> {
    let meets = |(name, version): &(String, Version)| {
        plugins.iter().any(|plugin| plugin.name == *name && is_compatible(plugin.version, *version))
    };
    let requirement = requirements.iter().find(|requirement| !requirement.any.iter().any(meets))?;
    let any: Vec<String> =
        requirement.any.iter().map(|(name, version)| format!("{name} (>= {})", written(*version))).collect();
    let message = format!("Plugin requirement not satisfied, must load one of: {}", any.join(", "));
    Some(
        Finding::new(Code::Validate, message, requirement.place.clone()).item("required plugin versions", ""),
    )
}
