//! Prints alerts, one line each.

use std::io::{IsTerminal as _, Write as _};

use cadge_client::{Alert, Priority};
use cadge_proto::json::{self, FieldKind};

use crate::args::{Color, Print};

/// Prints alerts to standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    json: bool,
    color: bool,
}

impl Printer {
    /// Decides by the flags, and by whether standard output is a terminal.
    pub(crate) fn new(json: bool, color: Color) -> Self {
        Self { json, color: is_coloured(color) }
    }

    /// Prints one alert. An error is that nobody reads any more.
    pub(crate) fn print(self, alert: &Alert) -> std::io::Result<()> {
        let mut line = if self.json {
            json::to_falco(&alert.clone().into(), field_kind)
        } else {
            line(alert, self.color)
        };
        line.push('\n');
        let mut out = std::io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.flush()
    }
}

impl From<&Print> for Printer {
    fn from(print: &Print) -> Self {
        Self::new(print.json, print.color)
    }
}

/// Whether standard output is to be coloured.
pub(crate) fn is_coloured(color: Color) -> bool {
    match color {
        Color::Auto => std::io::stdout().is_terminal(),
        Color::Always => true,
        Color::Never => false,
    }
}

/// The engine's knowledge of a field's type, in the wire's words.
pub(crate) fn field_kind(field: &str) -> FieldKind {
    match cadge_engine::fields::kind(field) {
        cadge_engine::fields::Kind::Text => FieldKind::Text,
        cadge_engine::fields::Kind::Number => FieldKind::Number,
        cadge_engine::fields::Kind::Bool => FieldKind::Bool,
    }
}

/// Falco's text line. Control characters are escaped: an alert quotes what a stranger typed, and a
/// terminal would obey it.
fn line(alert: &Alert, color: bool) -> String {
    let mut line = String::with_capacity(alert.output.len() + 16);
    let priority = alert.priority.name();
    match alert.output.split_once(priority) {
        Some((time, rest)) if color => {
            line.push_str(&format!("{DIM}{}{RESET}{}{priority}{RESET}", escape(time), paint(alert.priority)));
            line.push_str(&escape(rest));
        }
        _ => line.push_str(&escape(&alert.output)),
    }
    line
}

const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// Red from `Error` up, yellow for `Warning`, green for `Notice`, blue below.
fn paint(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => "\x1b[1;31m",
        Priority::Error => "\x1b[31m",
        Priority::Warning => "\x1b[33m",
        Priority::Notice => "\x1b[32m",
        Priority::Informational | Priority::Debug => "\x1b[34m",
    }
}

/// A text with its control characters spelled out.
pub(crate) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        if c.is_control() {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_the_priority_and_nothing_that_a_stranger_typed() {
        let alert = Alert {
            priority: Priority::Warning,
            output: "12:00:00.000000001: Warning read \x1b[2J\n (Warning)".into(),
            ..Alert::default()
        };
        assert_eq!(line(&alert, false), "12:00:00.000000001: Warning read \\u{1b}[2J\\n (Warning)");
        assert_eq!(
            line(&alert, true),
            "\x1b[2m12:00:00.000000001: \x1b[0m\x1b[33mWarning\x1b[0m read \\u{1b}[2J\\n (Warning)"
        );
    }
}
