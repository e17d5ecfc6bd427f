//! What of OCSF's Detection Finding an alert becomes, as columns: one list, of which both the file's schema and the
//! order of its columns come.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};

/// What a member holds. Any may be missing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    /// 32 bits.
    Int,
    /// 64 bits. Times are milliseconds since 1970.
    Long,
    /// Any value, as JSON.
    Json,
    /// Names and texts.
    Map,
    List(&'static Kind),
    Group(&'static [Member]),
}

/// A member of an object: its name, and what it holds.
pub(super) type Member = (&'static str, Kind);

use Kind::{Group, Int, Json, List, Long, Map, Text};

const TEXTS: Kind = List(&Text);

/// The whole. Names and types are those of OCSF 1.3, but for process ids, which have no sign here.
pub(super) const FINDING: &[Member] = &[
    ("class_uid", Int),
    ("class_name", Text),
    ("category_uid", Int),
    ("category_name", Text),
    ("activity_id", Int),
    ("activity_name", Text),
    ("type_uid", Long),
    ("type_name", Text),
    ("severity_id", Int),
    ("severity", Text),
    ("status_id", Int),
    ("status", Text),
    ("time", Long),
    ("message", Text),
    ("metadata", Group(METADATA)),
    ("finding_info", Group(INFO)),
    ("device", Group(&[("name", Text), ("hostname", Text), ("type_id", Int)])),
    ("evidences", List(&Group(EVIDENCE))),
    ("resources", List(&Group(&[("name", Text), ("uid", Text), ("type", Text), ("namespace", Text)]))),
    ("unmapped", Map),
];

const METADATA: &[Member] = &[
    ("version", Text),
    ("uid", Text),
    ("log_name", Text),
    ("original_time", Text),
    ("product", Group(&[("name", Text), ("vendor_name", Text)])),
    ("profiles", TEXTS),
    ("labels", TEXTS),
];

const INFO: &[Member] = &[
    ("uid", Text),
    ("title", Text),
    ("desc", Text),
    ("created_time", Long),
    ("data_sources", TEXTS),
    ("analytic", Group(&[("name", Text), ("type_id", Int), ("type", Text)])),
    ("attacks", List(&Group(ATTACK))),
];

const ATTACK: &[Member] = &[
    ("tactic", Group(&[("uid", Text), ("name", Text)])),
    ("technique", Group(&[("uid", Text)])),
    ("sub_technique", Group(&[("uid", Text)])),
];

const EVIDENCE: &[Member] = &[
    ("api", Group(&[("operation", Text)])),
    ("user", USER),
    ("process", Group(PROCESS)),
    ("file", FILE),
    ("src_endpoint", ENDPOINT),
    ("dst_endpoint", ENDPOINT),
    ("connection_info", Group(&[("direction_id", Int), ("protocol_name", Text)])),
    ("container", Group(CONTAINER)),
    ("data", Json),
];

const USER: Kind = Group(&[("name", Text), ("uid", Text)]);
const FILE: Kind = Group(&[("path", Text), ("name", Text), ("type_id", Int)]);
const ENDPOINT: Kind = Group(&[("ip", Text), ("port", Int)]);

const PROCESS: &[Member] = &[
    ("pid", Long),
    ("uid", Text),
    ("name", Text),
    ("cmd_line", Text),
    ("file", FILE),
    ("user", USER),
    (
        "parent_process",
        Group(&[("pid", Long), ("uid", Text), ("name", Text), ("cmd_line", Text), ("file", FILE)]),
    ),
];

const CONTAINER: &[Member] = &[
    ("uid", Text),
    ("name", Text),
    ("image", Group(&[("uid", Text), ("name", Text), ("tag", Text)])),
    ("orchestrator", Text),
];

/// The file's schema.
pub(super) fn schema() -> Result<TypePtr> {
    let fields = FINDING.iter().map(field).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder("detection_finding").with_fields(fields).build()?))
}

fn field((name, kind): &Member) -> Result<TypePtr> {
    let primitive = |physical, logical| {
        let builder = Type::primitive_type_builder(name, physical).with_logical_type(logical);
        builder.with_repetition(Repetition::OPTIONAL).build()
    };
    let group = |fields, logical| {
        let builder = Type::group_type_builder(name).with_fields(fields).with_logical_type(logical);
        builder.with_repetition(Repetition::OPTIONAL).build()
    };
    let field = match kind {
        Text | Json => primitive(Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Int => primitive(Physical::INT32, None),
        Long => primitive(Physical::INT64, None),
        Group(members) => group(members.iter().map(field).collect::<Result<_>>()?, None),
        List(element) => {
            let element = field(&("element", **element))?;
            group(vec![repeated("list", vec![element])?], Some(LogicalType::List))
        }
        Map => {
            let key = Type::primitive_type_builder("key", Physical::BYTE_ARRAY);
            let key = key.with_repetition(Repetition::REQUIRED).with_logical_type(Some(LogicalType::String));
            let pair = repeated("key_value", vec![Arc::new(key.build()?), field(&("value", Text))?])?;
            group(vec![pair], Some(LogicalType::Map))
        }
    };
    field.map(Arc::new)
}

fn repeated(name: &str, fields: Vec<TypePtr>) -> Result<TypePtr> {
    let builder = Type::group_type_builder(name).with_fields(fields);
    builder.with_repetition(Repetition::REPEATED).build().map(Arc::new)
}
