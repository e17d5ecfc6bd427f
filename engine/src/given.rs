//! Events made of fields: a name and a value for each, as tests and JSON files have them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value as Json;

use crate::fields::{self, Field, FieldArg, Get, Owned, Type};
use crate::{Event, EventType};

/// The values of an event's fields. What is not given is missing, but for what follows from the others.
#[derive(Clone, Debug, Default)]
pub struct Given {
    values: BTreeMap<String, Vec<Owned>>,
    kind: Option<EventType>,
    time_ns: u64,
    source: String,
    json: Option<Json>,
}

/// What an alert says beside its tags and fields.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// The rule's priority: 0 is `Emergency`, 7 is `Debug`.
    pub priority: i32,
    /// The same, as Falco writes it.
    pub priority_name: &'a str,
    /// The formatted output.
    pub output: &'a str,
    /// The host on which it happened.
    pub hostname: &'a str,
    /// The sensor's name.
    pub sensor: &'a str,
    /// The source's name.
    pub source: &'a str,
    /// When it happened, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
}

impl Given {
    /// Of an alert: the fields `alert.*`, and those of its output as far as the engine knows them and
    /// they have a value.
    pub fn alert<'a>(
        said: &Said<'a>,
        tags: impl Iterator<Item = &'a str>,
        fields: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut given = Self { source: said.source.to_owned(), ..Self::default() };
        for (name, text) in fields.filter(|(_, text)| *text != crate::output::MISSING) {
            let bare = name.split_once('[').map_or(name, |(name, _)| name);
            if let Some((field, _)) = fields::find(bare)
                && let Some(value) = parsed(field, text)
            {
                given.values.insert(name.to_owned(), vec![value]);
            }
        }
        given.derive();
        let text = |text: &str| Owned::Text(text.as_bytes().to_vec());
        let mut set = |name: &str, values: Vec<Owned>| given.values.insert(name.to_owned(), values);
        set("alert.rule", vec![text(said.rule)]);
        set("alert.priority", vec![text(said.priority_name)]);
        set("alert.priority_num", vec![Owned::Number(said.priority.into())]);
        set("alert.output", vec![text(said.output)]);
        set("alert.hostname", vec![text(said.hostname)]);
        set("alert.sensor", vec![text(said.sensor)]);
        set("alert.source", vec![text(said.source)]);
        set("alert.time", vec![Owned::Number(said.time_ns.into())]);
        set("alert.tags", tags.map(text).collect());
        given
    }

    /// Of a mapping of names to values; lists have several. The error says which name or value is wrong.
    pub fn new(map: &serde_json::Map<String, Json>) -> Result<Self, String> {
        let mut given = Self { source: fields::SYSCALL.to_owned(), ..Self::default() };
        for (name, value) in map {
            given.add(name, value)?;
        }
        given.fill();
        Ok(given)
    }

    /// Of a JSON object of any shape, for the fields `json.*`, `jevt.*` and `ka.*`.
    pub fn object(object: Json, source: &str) -> Self {
        let kind = Some(EventType::PLUGINEVENT);
        Self { json: Some(object), source: source.to_owned(), kind, ..Self::default() }
    }

    fn add(&mut self, name: &str, value: &Json) -> Result<(), String> {
        let bare = name.split_once('[').map_or(name, |(name, _)| name);
        let field = fields::find(bare).map(|(field, _)| field);
        let Some(field) = field.filter(|_| !name.starts_with("static.")) else {
            let known = crate::problem::nearest(bare, fields::all().map(|field| field.name));
            let hint = known.map_or(String::new(), |known| format!(": did you mean `{known}`?"));
            return Err(format!("unknown field `{name}`{hint}"));
        };
        let one = |value: &Json| {
            typed(field, value).ok_or_else(|| format!("`{name}` can't be {value}: it is {}", field.ty.name()))
        };
        let values = match value {
            Json::Null => return Ok(()),
            Json::Array(items) => items.iter().map(one).collect::<Result<_, _>>()?,
            value => vec![one(value)?],
        };
        match (name, value) {
            ("evt.type", Json::String(name)) => {
                self.kind =
                    Some(EventType::from_name(name).ok_or_else(|| format!("unknown event type {name}"))?);
            }
            ("evt.source", Json::String(source)) => self.source.clone_from(source),
            ("evt.rawtime" | "evt.time", Json::Number(time)) => self.time_ns = time.as_u64().unwrap_or(0),
            _ => {}
        }
        self.values.insert(name.to_owned(), values);
        Ok(())
    }

    /// What an event has even if nobody writes it.
    fn fill(&mut self) {
        let text = |text: &str| Owned::Text(text.as_bytes().to_vec());
        // The kind decides it, whatever is written.
        let dir = if self.kind.is_none_or(EventType::is_call) { "<" } else { ">" };
        self.values.insert("evt.dir".to_owned(), vec![text(dir)]);
        self.assume("evt.num", Owned::Number(1));
        self.assume("evt.source", text(&self.source.clone()));
        self.assume("container.id", text("host"));
        self.assume("evt.rawres", Owned::Number(0));
        self.assume("evt.res", text("SUCCESS"));
        self.derive();
    }

    fn assume(&mut self, name: &str, value: Owned) {
        self.values.entry(name.to_owned()).or_insert_with(|| vec![value]);
    }

    /// What follows from what is given: nobody writes that a path that was opened is a file.
    fn derive(&mut self) {
        let text = |text: &str| Owned::Text(text.as_bytes().to_vec());
        let path = match self.values.get("fd.name").and_then(|values| values.first()) {
            Some(Owned::Text(name)) if name.starts_with(b"/") => Some(name.clone()),
            _ => None,
        };
        if let Some(path) = path {
            let at = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            self.assume("fd.typechar", text("f"));
            self.assume("fd.type", text("file"));
            self.assume("fd.num", Owned::Number(3));
            self.assume("fd.directory", Owned::Text(path[..at.max(1)].to_vec()));
            self.assume("fd.filename", Owned::Text(path[at + 1..].to_vec()));
            self.assume("fs.path.name", Owned::Text(path));
        }
        for (pair, from) in [
            ("fd.ip", ["fd.cip", "fd.sip"]),
            ("fd.net", ["fd.cip", "fd.sip"]),
            ("fd.port", ["fd.cport", "fd.sport"]),
        ] {
            let ends: Vec<Owned> =
                from.iter().filter_map(|name| self.values.get(*name)).flatten().cloned().collect();
            if !ends.is_empty() {
                self.values.entry(pair.to_owned()).or_insert(ends);
            }
        }
        for end in ["c", "s", "l", "r"] {
            if let Some(ip) = self.values.get(&format!("fd.{end}ip")).cloned() {
                self.values.entry(format!("fd.{end}net")).or_insert(ip);
            }
        }
    }

    /// Hands the event over.
    pub fn with<T>(&self, see: impl FnOnce(&Event<'_>) -> T) -> T {
        see(&Event {
            num: 1,
            time_ns: self.time_ns,
            source: &self.source,
            json: self.json.as_ref(),
            given: self.json.is_none().then_some(self),
            ..Event::new(self.kind.unwrap_or(EventType::PLUGINEVENT))
        })
    }

    /// The values of a field. Ancestors without index are a list that begins with the parent.
    pub(crate) fn get(&self, field: &Field, arg: &FieldArg) -> Option<&[Owned]> {
        let get = |name: &str| self.values.get(name).map(Vec::as_slice);
        if arg.text.is_empty() {
            return get(field.name);
        }
        let exact = get(&format!("{}[{}]", field.name, arg.text))
            .or_else(|| get(&format!("{}.{}", field.name, arg.text)));
        exact.or_else(|| {
            let index = arg.index?;
            let listed = match field.get {
                Get::Ancestor(_) => index.checked_sub(1)?,
                _ if field.is_list => index,
                _ => return None,
            };
            get(field.name)?.get(listed..=listed)
        })
    }
}

fn typed(field: &Field, value: &Json) -> Option<Owned> {
    match value {
        Json::String(text) => parsed(field, text),
        Json::Object(_) | Json::Array(_) | Json::Null => None,
        other => parsed(field, &other.to_string()),
    }
}

fn parsed(field: &Field, text: &str) -> Option<Owned> {
    Some(match field.ty {
        Type::Bool => Owned::Bool(text.parse().ok()?),
        Type::Ipaddr | Type::Ipnet => Owned::Ip(text.parse::<IpAddr>().ok()?),
        ty if ty.is_number() => Owned::Number(text.parse().ok()?),
        _ => Owned::Text(text.as_bytes().to_vec()),
    })
}
