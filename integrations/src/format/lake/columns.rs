//! Takes rows apart into columns, as Parquet has it: beside each value stands how much of the way to it is there
//! (its definition), and which list it goes on with (its repetition).

use parquet::data_type::ByteArray;
use serde_json::Value;

use super::schema::{FINDING, Kind, Member};

/// A column: the values that are there, and for each row and list element where they belong.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) values: Values,
    pub(super) definitions: Vec<i16>,
    pub(super) repetitions: Vec<i16>,
}

#[derive(Debug)]
pub(super) enum Values {
    Texts(Vec<ByteArray>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
}

/// How far the way to a value is there, and in how many lists it is.
#[derive(Clone, Copy, Default)]
struct Place {
    definition: i16,
    repetition: i16,
    lists: i16,
}

impl Place {
    fn within(self) -> Self {
        Self { definition: self.definition + 1, ..self }
    }

    /// An element of a list that is there.
    fn element(self, index: usize) -> Self {
        let lists = self.lists + 1;
        let repetition = if index == 0 { self.repetition } else { lists };
        Self { definition: self.definition + 2, repetition, lists }
    }
}

/// The columns of rows.
pub(super) fn columns(rows: &[Value]) -> Vec<Column> {
    let mut columns = Vec::new();
    add_columns(&Kind::Group(FINDING), &mut columns);
    for row in rows {
        put_members(FINDING, Some(row), Place::default(), &mut columns);
    }
    columns
}

/// The columns that a kind of value needs, in the schema's order.
fn add_columns(kind: &Kind, columns: &mut Vec<Column>) {
    let mut add = |values| {
        columns.push(Column { values, definitions: Vec::new(), repetitions: Vec::new() });
    };
    match kind {
        Kind::Text | Kind::Json => add(Values::Texts(Vec::new())),
        Kind::Int => add(Values::Ints(Vec::new())),
        Kind::Long => add(Values::Longs(Vec::new())),
        Kind::Map => (0..2).for_each(|_| add(Values::Texts(Vec::new()))),
        Kind::List(element) => add_columns(element, columns),
        Kind::Group(members) => members.iter().for_each(|(_, kind)| add_columns(kind, columns)),
    }
}

/// Puts a value, or that there is none, into its columns, which are the first ones. Answers how many those are.
fn put(kind: &Kind, value: Option<&Value>, place: Place, columns: &mut [Column]) -> usize {
    match kind {
        Kind::Group(members) => {
            let value = value.filter(|value| value.is_object());
            let place = if value.is_some() { place.within() } else { place };
            put_members(members, value, place, columns)
        }
        Kind::List(element) => match value.and_then(Value::as_array).map(Vec::as_slice) {
            None => put(element, None, place, columns),
            Some([]) => put(element, None, place.within(), columns),
            Some(values) => {
                let each = values.iter().enumerate();
                let each =
                    each.map(|(index, value)| put(element, Some(value), place.element(index), columns));
                each.last().unwrap_or_default()
            }
        },
        Kind::Map => put_map(value, place, columns),
        Kind::Text | Kind::Int | Kind::Long | Kind::Json => {
            columns.first_mut().map_or(0, |column| column.put(kind, value, place))
        }
    }
}

fn put_members(members: &[Member], value: Option<&Value>, place: Place, columns: &mut [Column]) -> usize {
    members.iter().fold(0, |before, (name, kind)| {
        let value = value.and_then(|value| value.get(name));
        before + put(kind, value, place, &mut columns[before..])
    })
}

/// A list of pairs, of which a name is always there.
fn put_map(value: Option<&Value>, place: Place, columns: &mut [Column]) -> usize {
    let [keys, texts, ..] = columns else { return 0 };
    let pairs = value.and_then(Value::as_object);
    let nothing = if pairs.is_some() { place.within() } else { place };
    for (index, (name, value)) in pairs.into_iter().flatten().enumerate() {
        let place = place.element(index);
        keys.text(Some(name.clone()), Place { definition: place.definition - 1, ..place });
        texts.text(Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)), place);
    }
    if pairs.is_none_or(serde_json::Map::is_empty) {
        keys.text(None, nothing);
        texts.text(None, nothing);
    }
    2
}

impl Column {
    fn put(&mut self, kind: &Kind, value: Option<&Value>, place: Place) -> usize {
        let is_there = match (&mut self.values, value) {
            (Values::Texts(_), value) => {
                let text = match kind {
                    Kind::Json => value.map(Value::to_string),
                    _ => value.and_then(Value::as_str).map(str::to_owned),
                };
                self.text(text, place);
                return 1;
            }
            (_, None) => None,
            (Values::Ints(ints), Some(value)) => {
                value.as_i64().and_then(|value| i32::try_from(value).ok()).map(|value| ints.push(value))
            }
            (Values::Longs(longs), Some(value)) => value.as_i64().map(|value| longs.push(value)),
        };
        self.mark(is_there.is_some(), place);
        1
    }

    fn text(&mut self, text: Option<String>, place: Place) {
        self.mark(text.is_some(), place);
        if let Values::Texts(texts) = &mut self.values {
            texts.extend(text.map(|text| ByteArray::from(text.into_bytes())));
        }
    }

    fn mark(&mut self, is_there: bool, place: Place) {
        self.definitions.push(place.definition + i16::from(is_there));
        self.repetitions.push(place.repetition);
    }
}
