//! An alert's output fields: a map from text to text that is one piece of memory.

/// Names and their texts, sorted by name. It takes two pieces of memory however many fields there are: an alert
/// has ten and more, and they come by the hundred thousand in a second.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// All names and texts, one behind the other.
    text: String,
    /// Where in it each name and text end.
    ends: Vec<(usize, usize)>,
}

impl Fields {
    /// The text of a field, such as `proc.name`. `None` if the alert has none of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (mut from, mut to) = (0, self.ends.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            let (found, text) = self.at(middle)?;
            match found.cmp(name) {
                std::cmp::Ordering::Equal => return Some(text),
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        None
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Names and texts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.ends.len()).filter_map(|at| self.at(at))
    }

    fn at(&self, at: usize) -> Option<(&str, &str)> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
        let (middle, end) = *self.ends.get(at)?;
        Some((&self.text[start..middle], &self.text[middle..end]))
    }

    /// Of several with one name the last counts, as in protobuf's maps. Leaves the list sorted.
    pub(crate) fn from_pairs(pairs: &mut [(&str, &str)]) -> Self {
        pairs.sort_by(|a, b| a.0.cmp(b.0));
        let bytes = pairs.iter().map(|(name, text)| name.len() + text.len()).sum();
        let mut fields = Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(pairs.len()) };
        for (at, (name, text)) in pairs.iter().enumerate() {
            if pairs.get(at + 1).is_some_and(|next| next.0 == *name) {
                continue;
            }
            fields.text.push_str(name);
            let middle = fields.text.len();
            fields.text.push_str(text);
            fields.ends.push((middle, fields.text.len()));
        }
        fields
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(fields: I) -> Self {
        let owned: Vec<(K, V)> = fields.into_iter().collect();
        let mut pairs: Vec<_> = owned.iter().map(|(name, text)| (name.as_ref(), text.as_ref())).collect();
        Self::from_pairs(&mut pairs)
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    proptest::proptest! {
        #[test]
        fn is_a_map(pairs in proptest::collection::vec(("[ab]{0,2}|.*", ".*"), 0..12), other in ".*") {
            let fields: Fields = pairs.iter().map(|(name, text)| (name, text)).collect();
            let map: BTreeMap<&str, &str> = pairs.iter().map(|(name, text)| (&**name, &**text)).collect();
            proptest::prop_assert!(fields.iter().eq(map.iter().map(|(name, text)| (*name, *text))));
            for name in pairs.iter().map(|(name, _)| &**name).chain([&*other, ""]) {
                proptest::prop_assert_eq!(fields.get(name), map.get(name).copied());
            }
            proptest::prop_assert_eq!((fields.len(), fields.is_empty()), (map.len(), map.is_empty()));
            proptest::prop_assert_eq!(format!("{fields:?}"), format!("{map:?}"));
        }
    }
}
