//! The types of settings, and the ways in which each may be written.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Secret;
use crate::template::Template;

/// A type of settings. A file gives it as YAML, the environment as text.
pub(crate) trait Setting: Sized {
    /// What to call it on a page.
    const KIND: &'static str;

    /// Reads it. The error goes on after the key's name, and does not show the value: it may be secret.
    fn read(value: &Value) -> Result<Self, String>;

    /// Becomes what is given. The empty text stands for no text, and for the default of anything else, as in
    /// falcosidekick's files and Kubernetes' variables.
    fn take(&mut self, value: &Value) -> Result<(), String> {
        if value.as_str() != Some("") {
            *self = Self::read(value)?;
        }
        Ok(())
    }
}

impl Setting for String {
    const KIND: &'static str = "text";

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(text.clone()),
            // A token of digits needs no quotes.
            Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
            Value::Null => Ok(Self::new()),
            Value::Array(_) | Value::Object(_) => Err("is no text".to_owned()),
        }
    }

    fn take(&mut self, value: &Value) -> Result<(), String> {
        Self::read(value).map(|text| *self = text)
    }
}

impl Setting for Secret {
    const KIND: &'static str = "secret text";

    fn read(value: &Value) -> Result<Self, String> {
        String::read(value).map(Self::from)
    }

    fn take(&mut self, value: &Value) -> Result<(), String> {
        Self::read(value).map(|secret| *self = secret)
    }
}

impl Setting for Template {
    const KIND: &'static str = "Go template";

    fn read(value: &Value) -> Result<Self, String> {
        Self::new(&String::read(value)?).map_err(|error| format!("is no template: {error}"))
    }
}

impl Setting for bool {
    const KIND: &'static str = "true or false";

    fn read(value: &Value) -> Result<Self, String> {
        match String::read(value)?.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(true),
            "false" | "0" | "no" | "" => Ok(false),
            _ => Err("is neither true nor false".to_owned()),
        }
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(
            impl Setting for $number {
                const KIND: &'static str = "number";

                fn read(value: &Value) -> Result<Self, String> {
                    let text = String::read(value)?;
                    text.trim().parse().map_err(|_| format!("is no whole number from 0 to {}", Self::MAX))
                }
            }
        )*
    };
}
numbers!(u16, u32, u64, usize);

impl Setting for Vec<String> {
    const KIND: &'static str = "list, or text with commas";

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Array(items) => items.iter().map(String::read).collect(),
            other => {
                let text = String::read(other)?;
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(items.map(str::to_owned).collect())
            }
        }
    }
}

impl<T: Setting> Setting for BTreeMap<String, T> {
    const KIND: &'static str = "map, or text like `a:1,b:2`";

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(members) => {
                members.iter().map(|(name, value)| Ok((name.clone(), T::read(value)?))).collect()
            }
            other => {
                let text = String::read(other)?;
                let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
                let pair = |pair: &str| {
                    let (name, value) = pair.split_once(':').ok_or("has a member without a colon")?;
                    Ok((name.trim().to_owned(), T::read(&Value::from(value.trim()))?))
                };
                pairs.map(pair).collect()
            }
        }
    }

    /// What the environment says is added to what a file has, as by falcosidekick.
    fn take(&mut self, value: &Value) -> Result<(), String> {
        self.extend(Self::read(value)?);
        Ok(())
    }
}

/// Refuses a value that is none of those there are.
pub(crate) fn one_of(key: &str, value: &str, all: &[&str]) -> Result<(), String> {
    if value.is_empty() || all.contains(&value) {
        return Ok(());
    }
    Err(format!("`{key}: {value}` is none of {}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_may_be_written_in_several_ways() {
        assert_eq!(String::read(&json!(7)).unwrap(), "7");
        assert_eq!((bool::read(&json!(true)), bool::read(&json!("FALSE"))), (Ok(true), Ok(false)));
        assert_eq!((u16::read(&json!(5)), u16::read(&json!("5"))), (Ok(5), Ok(5)));
        let list = Vec::<String>::read(&json!("a, b,,c")).unwrap();
        assert_eq!(
            (list, Vec::read(&json!([1, "b"])).unwrap()),
            (vec!["a".into(), "b".into(), "c".into()], vec!["1".to_owned(), "b".to_owned()])
        );
        let map = BTreeMap::<String, String>::read(&json!("a:1,b:http://x")).unwrap();
        assert_eq!(map, BTreeMap::read(&json!({"a": 1, "b": "http://x"})).unwrap());
    }

    #[test]
    fn what_is_none_of_them_is_refused_without_being_shown() {
        for error in [
            bool::read(&json!("perhaps")).unwrap_err(),
            u16::read(&json!(70_000)).unwrap_err(),
            u16::read(&json!(-1)).unwrap_err(),
            Vec::<String>::read(&json!({})).unwrap_err(),
            BTreeMap::<String, Secret>::read(&json!("T0KEN")).unwrap_err(),
        ] {
            assert!(!["perhaps", "70", "-1", "T0KEN"].iter().any(|value| error.contains(value)), "{error}");
        }
    }
}
