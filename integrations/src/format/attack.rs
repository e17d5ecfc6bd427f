//! MITRE ATT&CK in tags: `mitre_execution` names a tactic, `T1059.004` a technique.

/// A tactic: its tag without `mitre_`, its id, its name.
const TACTICS: &[(&str, &str, &str)] = &[
    ("collection", "TA0009", "Collection"),
    ("command_and_control", "TA0011", "Command and Control"),
    ("credential_access", "TA0006", "Credential Access"),
    ("defense_evasion", "TA0005", "Defense Evasion"),
    ("discovery", "TA0007", "Discovery"),
    ("execution", "TA0002", "Execution"),
    ("exfiltration", "TA0010", "Exfiltration"),
    ("impact", "TA0040", "Impact"),
    ("initial_access", "TA0001", "Initial Access"),
    ("lateral_movement", "TA0008", "Lateral Movement"),
    ("persistence", "TA0003", "Persistence"),
    ("privilege_escalation", "TA0004", "Privilege Escalation"),
    ("reconnaissance", "TA0043", "Reconnaissance"),
    ("resource_development", "TA0042", "Resource Development"),
];

/// A tactic's id and name.
pub(super) fn tactics(tags: &[String]) -> Vec<(&'static str, &'static str)> {
    let names = tags.iter().filter_map(|tag| tag.strip_prefix("mitre_"));
    names
        .filter_map(|name| TACTICS.iter().find(|tactic| tactic.0 == name))
        .map(|(_, id, name)| (*id, *name))
        .collect()
}

/// The ids of techniques: `T` and four digits, and three more after a dot for a part of one.
pub(super) fn techniques(tags: &[String]) -> Vec<&str> {
    let is_number = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    let is_technique = |tag: &&str| {
        let Some(number) = tag.strip_prefix('T') else { return false };
        match number.split_once('.') {
            Some((number, part)) => is_number(number, 4) && is_number(part, 3),
            None => is_number(number, 4),
        }
    };
    tags.iter().map(String::as_str).filter(is_technique).collect()
}

/// The technique that a part belongs to: `T1059` for `T1059.004`. `None` if it is no part.
pub(super) fn whole(technique: &str) -> Option<&str> {
    technique.split_once('.').map(|(whole, _)| whole)
}
