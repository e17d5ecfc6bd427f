//! Lists, put into conditions as Falco does it: as text, before anything is parsed.

use std::collections::HashMap;

use super::items::List;
use super::text::Text;

/// A list whose items are ready to be put in.
pub(super) struct Resolved<'a> {
    pub(super) list: &'a List,
    /// The items, joined by commas.
    text: String,
    /// Whether something names it.
    pub(super) used: bool,
}

/// Puts lists that others name into them, one level deep.
pub(super) fn resolve(lists: &[List]) -> Vec<Resolved<'_>> {
    let names: HashMap<&str, usize> =
        lists.iter().enumerate().map(|(at, list)| (list.name.as_str(), at)).collect();
    let mut used = vec![false; lists.len()];
    let mut texts = Vec::new();
    for list in lists {
        let mut items: Vec<&str> = Vec::new();
        for item in &list.items {
            match names.get(item.as_str()).copied().filter(|at| lists[*at].index < list.visibility) {
                Some(at) => {
                    used[at] = true;
                    items.extend(lists[at].items.iter().map(String::as_str));
                }
                None => items.push(item),
            }
        }
        texts.push(items.into_iter().map(quoted).collect::<Vec<_>>().join(", "));
    }
    lists.iter().zip(texts).zip(used).map(|((list, text), used)| Resolved { list, text, used }).collect()
}

fn quoted(item: &str) -> String {
    if item.contains(' ') && !item.starts_with(['"', '\'']) { format!("\"{item}\"") } else { item.to_owned() }
}

/// Replaces each list's name by its items.
pub(super) fn substitute(mut condition: Text, lists: &mut [Resolved<'_>]) -> Text {
    for list in lists {
        if !list.list.name.is_empty() && condition.as_str().contains(&list.list.name) {
            condition = substitute_one(&condition, list);
        }
    }
    condition
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 8)
}

fn is_border(byte: Option<&u8>) -> bool {
    byte.is_none_or(|byte| is_blank(*byte) || matches!(byte, b'(' | b')' | b',' | b'='))
}

/// The blanks around a name become one on each side, none at the very start. An empty list takes a
/// comma with it: the one before, else the one behind.
fn substitute_one(condition: &Text, list: &mut Resolved<'_>) -> Text {
    let text = condition.as_str();
    let bytes = text.as_bytes();
    let name = list.list.name.as_str();
    let mut result = Text::default();
    let (mut copied, mut from) = (0, 0);
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(name)) {
        let (start, end) = (from + found, from + found + name.len());
        from = end;
        if !is_border(start.checked_sub(1).and_then(|at| bytes.get(at))) || !is_border(bytes.get(end)) {
            continue;
        }
        list.used = true;
        let mut left = start;
        while left > copied && is_blank(bytes[left - 1]) {
            left -= 1;
        }
        let mut right = end;
        while bytes.get(right).is_some_and(|byte| is_blank(*byte)) {
            right += 1;
        }
        if list.text.is_empty() {
            if left > copied && bytes[left - 1] == b',' {
                left -= 1;
            } else if bytes.get(right) == Some(&b',') {
                right += 1;
            }
        }
        result.push(condition, copied..left);
        let before = if left > 0 { " " } else { "" };
        result.insert(&format!("{before}{} ", list.text), condition, &(start..end));
        copied = right;
        from = right;
    }
    result.push(condition, copied..text.len());
    result
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;

    fn list(name: &str, items: &[&str]) -> List {
        let items = items.iter().map(|item| (*item).to_owned()).collect();
        List { name: name.to_owned(), items, visibility: 9, index: 0, place: Place::default() }
    }

    #[track_caller]
    fn check(condition: &str, items: &[&str], expected: &str) {
        let lists = [list("l", items)];
        let offsets: Vec<u32> = (0..).take(condition.len()).collect();
        let text = Text::new(condition, 0, &offsets);
        assert_eq!(substitute(text, &mut resolve(&lists)).as_str(), expected);
    }

    #[test]
    fn names_between_borders_are_replaced() {
        check("a.b in (l)", &["x", "y z"], "a.b in ( x, \"y z\" )");
        check("a.b in (k, l , m)", &["x"], "a.b in (k, x , m)");
        check("all and l.x = lx", &["x"], "all and l.x = lx");
        check("l", &["x"], "x ");
        check("a.b in (k, l)", &[], "a.b in (k  )");
        check("a.b in (l, k)", &[], "a.b in (   k)");
    }
}
