//! `container.*`: the container in which the process runs.

use super::{Field, Value, text};

/// Sorted by name.
pub(super) const FIELDS: &[Field] =
    &[text("container.id", "the first 12 digits of the container's id; `host` outside of containers", |e| {
        let id = &e.process?.container_id;
        Some(Value::text(if id.is_empty() { "host" } else { id }))
    })];
