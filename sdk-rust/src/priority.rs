//! How urgent an alert is.

/// How urgent an alert is, the most urgent first: `priority <= Priority::Warning` is a warning or worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// 0
    #[default]
    Emergency,
    /// 1
    Alert,
    /// 2
    Critical,
    /// 3
    Error,
    /// 4
    Warning,
    /// 5
    Notice,
    /// 6
    Informational,
    /// 7
    Debug,
}

/// All, each at its number.
const ALL: [Priority; 8] = [
    Priority::Emergency,
    Priority::Alert,
    Priority::Critical,
    Priority::Error,
    Priority::Warning,
    Priority::Notice,
    Priority::Informational,
    Priority::Debug,
];

impl Priority {
    /// As Falco writes it, such as `Informational`.
    pub fn name(self) -> &'static str {
        cadge_proto::priority_name(self.number())
    }

    /// From 0, the most urgent, to 7.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The priority of a number. One that is none reads `Debug`.
    pub fn from_number(number: i32) -> Self {
        usize::try_from(number).ok().and_then(|at| ALL.get(at)).copied().unwrap_or(Self::Debug)
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_number_and_falcos_name() {
        for (number, priority) in (0..).zip(ALL) {
            assert_eq!((priority.number(), Priority::from_number(number)), (number, priority));
            assert_eq!(priority.to_string(), format!("{priority:?}"));
        }
        assert_eq!([Priority::from_number(-1), Priority::from_number(8)], [Priority::Debug; 2]);
    }
}
