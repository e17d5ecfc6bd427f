//! Syslog: the header of RFC 5424, and the two ways to tell lines apart in a stream (RFC 6587).

use cadge_proto::Alert;
use jiff::Timestamp;

/// What stands in the header beside what the alert says.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// From 0 to 23; falcosidekick's is 0, the kernel. What is above 23 counts as 23.
    pub facility: u8,
    /// The program that sends: `Falco`.
    pub app_name: &'a str,
    /// Its process id, or nothing.
    pub process: Option<u32>,
    /// The name of structured data with the rule, the source and the tags, such as `falco@32473` with a number
    /// that the IANA gave. Without it there is none.
    pub structured: Option<&'a str>,
}

/// One line of RFC 5424 without a line end. `text` is what it says: JSON or CEF, which have no line end within.
/// Other text loses its own.
pub fn syslog(alert: &Alert, header: &Header<'_>, text: &str) -> String {
    let process = header.process.map_or_else(|| "-".to_owned(), |process| process.to_string());
    let mut out = format!(
        "<{}>1 {} {} {} {process} {} ",
        priority(alert, header.facility),
        time(alert),
        name(&alert.hostname, 255),
        name(header.app_name, 48),
        name(&alert.source, 32)
    );
    match header.structured {
        Some(id) => push_structured(alert, id, &mut out),
        None => out.push('-'),
    }
    out.push(' ');
    out.extend(text.trim_end_matches(['\n', '\r']).chars().map(one_line));
    out
}

/// For TCP and TLS: the length in bytes in front. The way to prefer, as the text may hold anything.
pub fn octet_counted(line: &str) -> String {
    format!("{} {line}", line.len())
}

/// For receivers that know no lengths: a line end behind.
pub fn line_ended(line: &str) -> String {
    format!("{line}\n")
}

/// Falco's priorities are syslog's severities. A number that is none counts as debug.
fn priority(alert: &Alert, facility: u8) -> u8 {
    let severity = u8::try_from(alert.priority).unwrap_or(7).min(7);
    facility.min(23) * 8 + severity
}

/// RFC 5424 has six digits at most, and years of four.
fn time(alert: &Alert) -> String {
    let time = alert.time.unwrap_or_default();
    let time = Timestamp::new(time.seconds, time.nanos).unwrap_or_default();
    let text = format!("{time:.6}");
    if text.starts_with('-') { "-".to_owned() } else { text }
}

/// A part of the header: printable ASCII without spaces, so long at most; `-` if nothing is there.
fn name(text: &str, length_max: usize) -> String {
    let printable = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    if text.is_empty() { "-".to_owned() } else { text.chars().take(length_max).map(printable).collect() }
}

fn push_structured(alert: &Alert, id: &str, out: &mut String) {
    // A name has none of these, though they are printable.
    let id = name(id, 32).replace(['=', ']', '"'], "_");
    out.push_str(&format!("[{id}"));
    let tags = alert.tags.join(",");
    for (parameter, text) in [("rule", &alert.rule), ("source", &alert.source), ("tags", &tags)] {
        out.push_str(&format!(" {parameter}=\""));
        for character in text.chars().map(one_line) {
            if matches!(character, '"' | '\\' | ']') {
                out.push('\\');
            }
            out.push(character);
        }
        out.push('"');
    }
    out.push(']');
}

/// A NUL ends a line for some receivers, as a line end does.
fn one_line(character: char) -> char {
    if matches!(character, '\n' | '\r' | '\0') { ' ' } else { character }
}
