//! What rules need of a source: the kinds of event, and of each the values without which none matches.

use crate::EventType;

/// A kind of event that some rule can match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The kind.
    pub kind: EventType,
    /// Only an event matches of which at least one of these fields has one of its values: a source may
    /// leave out all others. `None`: any event of the kind may match.
    pub fields: Option<Vec<NeedField>>,
}

/// A field and values, one of which it has to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeedField {
    /// The field, with its argument in brackets if it has one.
    pub name: String,
    /// Whole texts.
    pub texts: Vec<Box<[u8]>>,
    /// What texts begin with.
    pub starts: Vec<Box<[u8]>>,
    /// What texts end with.
    pub ends: Vec<Box<[u8]>>,
    /// Numbers.
    pub numbers: Vec<i128>,
    /// Truths.
    pub truths: Vec<bool>,
}

impl NeedField {
    /// Whether a text is one of the values.
    pub fn admits_text(&self, text: &[u8]) -> bool {
        self.texts.iter().any(|value| **value == *text)
            || self.starts.iter().any(|start| text.starts_with(start))
            || self.ends.iter().any(|end| text.ends_with(end))
    }
}
