//! `cadge rules fields`.

use anyhow::{Result, bail};
use cadge_engine::fields::{Argument, CLASSES, Class, Field};
use cadge_sensor::source::answers;
use serde_json::{Value, json};

use crate::args::Fields;

pub(super) fn run(args: &Fields) -> Result<()> {
    let fits = |class: &&Class| match args.source.as_deref() {
        None => true,
        Some(source) => class.source.is_empty() || class.source == source,
    };
    let classes: Vec<&Class> = CLASSES.iter().filter(fits).collect();
    if let Some(source) = &args.source
        && !CLASSES.iter().any(|class| class.source == source)
    {
        bail!("there is no source `{source}`: there are syscall and k8s_audit");
    }
    if args.json {
        let fields: Vec<Value> = classes
            .iter()
            .flat_map(|class| class.fields.iter().map(move |field| describe(class, field)))
            .collect();
        say!("{}", serde_json::to_string_pretty(&json!({"fields": fields}))?);
    } else if args.markdown {
        markdown(&classes)?;
    } else {
        for class in classes {
            say!("{}: {}", class.name, class.doc);
            for field in class.fields {
                say!("  {:36} {:8} {}{}", field.name, field.ty.name(), field.doc, remarks(field));
            }
            say!();
        }
    }
    Ok(())
}

fn describe(class: &Class, field: &Field) -> Value {
    json!({
        "name": field.name,
        "class": class.name,
        "source": class.source,
        "type": field.ty.name(),
        "description": field.doc,
        "argument": format!("{:?}", field.argument).to_lowercase(),
        "list": field.is_list,
        "filter_only": field.filter_only,
        "print_only": field.print_only,
        "deprecated": field.is_deprecated,
        "suggested": field.is_suggested,
        "filled": field.is_filled() && answers::why_missing(field.name).is_none(),
        "why_missing": answers::why_missing(field.name),
    })
}

/// What stands behind the description.
fn remarks(field: &Field) -> String {
    let mut remarks = Vec::new();
    if field.argument == Argument::Required {
        remarks.push("needs an argument");
    }
    for (is_so, remark) in [
        (field.is_list, "a list"),
        (field.filter_only, "only in conditions"),
        (field.print_only, "only in outputs"),
        (field.is_deprecated, "deprecated"),
    ] {
        if is_so {
            remarks.push(remark);
        }
    }
    if let Some(why) = answers::why_missing(field.name) {
        remarks.push("never there");
        remarks.push(why);
    } else if !field.is_filled() && !field.is_deprecated {
        remarks.push("no source fills it");
    }
    if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join("; ")) }
}

fn markdown(classes: &[&Class]) -> Result<()> {
    for class in classes {
        say!("## `{}`: {}\n", class.name, class.doc);
        say!("| Field | Type | Meaning |\n|---|---|---|");
        for field in class.fields {
            let doc = field.doc.replace('|', "\\|");
            say!("| `{}` | {} | {doc}{} |", field.name, field.ty.name(), remarks(field));
        }
        say!();
    }
    Ok(())
}
