//! What is wrong with a rule file, and where: Falco's codes, with a line and a caret.

use std::fmt;

/// What a code is called and means.
macro_rules! codes {
    ($($(#[$doc:meta])* $item:ident = $name:literal $desc:literal,)+) => {
        /// Falco's code for a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $item,)+ }

        impl Code {
            /// As Falco spells it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$item => $name,)+ }
            }

            /// What it stands for, in a few words.
            pub fn description(self) -> &'static str {
                match self { $(Self::$item => $desc,)+ }
            }
        }
    };
}

codes! {
    /// The file cannot be read.
    FileRead = "LOAD_ERR_FILE_READ" "File read error",
    /// The YAML does not parse.
    YamlParse = "LOAD_ERR_YAML_PARSE" "YAML parse error",
    /// The YAML has another shape than a rule file.
    YamlValidate = "LOAD_ERR_YAML_VALIDATE" "Error validating internal structure of YAML file",
    /// A condition does not compile.
    CompileCondition = "LOAD_ERR_COMPILE_CONDITION" "Error compiling condition",
    /// An output does not compile.
    CompileOutput = "LOAD_ERR_COMPILE_OUTPUT" "Error compiling output",
    /// A rule, macro, list or exception contradicts the others.
    Validate = "LOAD_ERR_VALIDATE" "Error validating rule/macro/list/exception objects",
    /// The rule is for a source that nobody has.
    UnknownSource = "LOAD_UNKNOWN_SOURCE" "Unknown event source",
    /// A missing value is compared with the text that stands for one.
    UnsafeNaCheck = "LOAD_UNSAFE_NA_CHECK" "Unsafe <NA> comparison in condition",
    /// The condition fits too many kinds of event.
    NoEventType = "LOAD_NO_EVTTYPE" "Condition has no event-type restriction",
    /// The rule was left out because of a field nobody knows.
    UnknownFilter = "LOAD_UNKNOWN_FILTER" "Unknown field or event-type in condition or output",
    /// No rule or macro uses this macro.
    UnusedMacro = "LOAD_UNUSED_MACRO" "Unused macro",
    /// No rule, macro or list uses this list.
    UnusedList = "LOAD_UNUSED_LIST" "Unused list",
    /// The kind of entry is not known.
    UnknownItem = "LOAD_UNKNOWN_ITEM" "Unknown rules file item",
    /// It still works, but there is a newer way.
    Deprecated = "LOAD_DEPRECATED_ITEM" "Used deprecated item",
    /// An exception is appended that has no values.
    AppendNoValues = "LOAD_APPEND_NO_VALUES" "Overriding/appending with no values",
    /// Two exceptions of a rule have the same name.
    ExceptionNameNotUnique = "LOAD_EXCEPTION_NAME_NOT_UNIQUE" "Multiple exceptions defined with the same name",
    /// The macro's name cannot be used in a condition.
    InvalidMacroName = "LOAD_INVALID_MACRO_NAME" "Invalid macro name",
    /// The list's name cannot be used in a condition.
    InvalidListName = "LOAD_INVALID_LIST_NAME" "Invalid list name",
    /// The condition compiles, but looks like a mistake.
    ConditionWarning = "LOAD_COMPILE_CONDITION" "Warning in rule condition",
    /// A key is not known.
    UnknownKey = "LOAD_UNKNOWN_KEY" "Unknown key",
    /// One of our own checks, which are switched by name.
    Lint = "CADGE_LINT" "Lint",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One error or warning. Its text is a line with the place, then the line of the file with a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Falco's code.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// The rule file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line's text without the blanks around it, at most 160 characters of it.
    pub snippet: String,
    /// Where in `snippet` the spot begins, in characters.
    pub caret: usize,
    /// How many characters it has, at least 1.
    pub width: usize,
    /// The byte of the file, from 0.
    pub offset: usize,
    /// What kind of item it is about, in Falco's words, such as `rule` or `exception`.
    pub item_type: &'static str,
    /// The item's name; empty if it has none.
    pub item_name: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Characters of a line that are shown.
const SNIPPET_CHARS_MAX: usize = 160;

impl Problem {
    /// Fills in where: `start..end` are bytes of `text`, the file's.
    pub(crate) fn locate(
        code: Code,
        message: String,
        file: &str,
        text: &str,
        range: std::ops::Range<usize>,
    ) -> Self {
        let start = floor_boundary(text, range.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor_boundary(text, range.end).clamp(start, line_end);
        let indent = text[line_start..line_end].len() - text[line_start..line_end].trim_start().len();
        let from = (line_start + indent).min(start);
        let before = text[from..start].chars().count();
        let skipped = before.saturating_sub(SNIPPET_CHARS_MAX / 2);
        Self {
            code,
            message,
            file: file.to_owned(),
            line: text[..line_start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            snippet: text[from..line_end].trim_end().chars().skip(skipped).take(SNIPPET_CHARS_MAX).collect(),
            caret: before - skipped,
            width: text[start..end].chars().count().clamp(1, SNIPPET_CHARS_MAX / 2),
            offset: start,
            item_type: "rules content",
            item_name: String::new(),
            hint: None,
        }
    }
}

/// The last place at or before `at` where a character begins.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {} [{}]", self.file, self.line, self.column, self.message, self.code)?;
        writeln!(f, "   {}", self.snippet)?;
        write!(f, "   {:caret$}{}", "", "^".repeat(self.width), caret = self.caret)?;
        if let Some(hint) = &self.hint {
            write!(f, " {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// The candidate that `name` is most likely a typing mistake of: at most a third of it differs.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.len() / 3).clamp(1, 4);
    candidates
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= allowed)
        .map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many bytes must be added, removed, changed or swapped with the next one.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j - 1] + same).min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_swapped_letters() {
        let names = ["proc.name", "proc.pname", "fd.name"];
        assert_eq!(nearest("proc.nmae", names.into_iter()), Some("proc.name"));
        assert_eq!(nearest("container.id", names.into_iter()), None);
    }

    #[test]
    fn a_problem_points_at_its_spot() {
        let text = "- rule: x\n    condition: a.b = c\n";
        let problem = Problem::locate(Code::CompileCondition, "bad".to_owned(), "f", text, 25..28);
        assert_eq!(
            problem.to_string(),
            "f:2:16: bad [LOAD_ERR_COMPILE_CONDITION]\n   condition: a.b = c\n              ^^^"
        );
    }
}
