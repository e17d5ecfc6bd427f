//! An alert's fields by name, for formats that give them names of their own. Missing ones are left out, and
//! what was taken is remembered.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;

use cadge_proto::Alert;
use cadge_proto::json::MISSING;
use serde_json::{Map, Value};

use crate::text::nanoseconds;

/// The fields of one alert.
pub(super) struct Fields<'a> {
    alert: &'a Alert,
    taken: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(alert: &'a Alert) -> Self {
        Self { alert, taken: RefCell::default() }
    }

    /// A field's text. `None` where it is absent, empty or `<NA>`.
    pub(super) fn text(&self, name: &'static str) -> Option<&'a str> {
        let text = self.alert.output_fields.get(name)?;
        if text.is_empty() || text == MISSING {
            return None;
        }
        self.taken.borrow_mut().insert(name);
        Some(text)
    }

    /// The first of several that is there.
    pub(super) fn first(&self, names: &[&'static str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.text(name))
    }

    /// A field that is a number of 32 bits without a sign, which is what ids are.
    pub(super) fn number(&self, name: &'static str) -> Option<u32> {
        self.parsed(&[name])
    }

    /// The container's id. Falco calls the host itself a container, `host`: that is none.
    pub(super) fn container(&self) -> Option<&'a str> {
        let id = self.alert.output_fields.get("container.id")?;
        if id == "host" { None } else { self.text("container.id") }
    }

    /// The path, where the file descriptor is a file's.
    pub(super) fn path(&self) -> Option<&'a str> {
        let path = self.alert.output_fields.get("fd.name")?;
        if path.starts_with('/') { self.text("fd.name") } else { None }
    }

    /// The address that a connection comes from, and its port.
    pub(super) fn client(&self) -> Option<(IpAddr, Option<u16>)> {
        let address = self.parsed(&["fd.cip", "fd.lip"])?;
        Some((address, self.parsed(&["fd.cport", "fd.lport"])))
    }

    /// The address that a connection goes to, and its port.
    pub(super) fn server(&self) -> Option<(IpAddr, Option<u16>)> {
        let address = self.parsed(&["fd.sip", "fd.rip"])?;
        Some((address, self.parsed(&["fd.sport", "fd.rport"])))
    }

    /// `tcp` or `udp`.
    pub(super) fn protocol(&self) -> Option<&'a str> {
        self.text("fd.l4proto")
    }

    /// The first of several that reads as what is wanted. The others are not taken.
    fn parsed<T: FromStr>(&self, names: &[&'static str]) -> Option<T> {
        names.iter().find_map(|name| {
            let parsed = self.alert.output_fields.get(*name)?.parse().ok()?;
            self.text(name).map(|_| parsed)
        })
    }

    /// Whether somebody asked for this field, and got it.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.taken.borrow().contains(name)
    }
}

/// An object of what is there. `None` if nothing is.
pub(super) fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Option<Value> {
    let members: Map<String, Value> =
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    (!members.is_empty()).then_some(Value::Object(members))
}

/// A value of JSON, if there is one.
pub(super) fn value<T: Into<Value>>(value: Option<T>) -> Option<Value> {
    value.map(Into::into)
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path)
}

/// The alert's time in nanoseconds since 1970, as far as a format can hold it. Times before it, or past the year 2262,
/// read 0.
pub(super) fn unix_time(alert: &Alert) -> u64 {
    i64::try_from(nanoseconds(alert)).ok().and_then(|time| u64::try_from(time).ok()).unwrap_or(0)
}
