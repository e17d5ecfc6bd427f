//! `alert.*`: what an alert says, for filters on alerts. No event has them, so no rule can use them.

use super::Field;
use super::row::{Get, Type, row};

/// The source of alerts. No event has it.
pub(super) const SOURCE: &str = "alert";

const fn said(name: &'static str, ty: Type, doc: &'static str) -> Field {
    row(name, ty, doc, Get::Given)
}

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    said("alert.hostname", Type::Charbuf, "the host on which it happened"),
    said("alert.output", Type::Charbuf, "the formatted output"),
    said("alert.priority", Type::Charbuf, "the rule's priority: Emergency, …, Informational, Debug"),
    said("alert.priority_num", Type::Uint32, "the same as a number: 0 is Emergency, 7 Debug"),
    said("alert.rule", Type::Charbuf, "the rule's name"),
    said("alert.sensor", Type::Charbuf, "the sensor's name"),
    said("alert.source", Type::Charbuf, "the source: syscall, k8s_audit, internal, …"),
    said("alert.tags", Type::Charbuf, "the rule's tags").list(),
    said("alert.time", Type::Abstime, "when it happened, in nanoseconds since 1970"),
];
