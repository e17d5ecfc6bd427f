//! Groups of keys, each declared once.

use serde_json::Value;

/// A key, as pages and completions show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub doc: String,
    /// What it takes, such as `text`.
    pub kind: &'static str,
    /// Its default, as JSON.
    pub default: String,
}

impl Key {
    /// Why it has no effect here, if it has none: its doc comment begins with `Unused`.
    pub fn unused(&self) -> Option<&str> {
        self.doc.strip_prefix("Unused: ")
    }
}

/// A group of keys with values.
pub(crate) trait Keys: Default {
    /// Gives a key a value. `None`: there is no such key.
    fn set(&mut self, key: &str, value: &Value) -> Option<Result<(), String>>;

    /// Every key.
    fn keys() -> Vec<Key>;
}

/// The doc comment of a key, in one line.
pub(crate) fn doc(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// The name that was meant, if one is near.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 > 0.8).then_some(best.1)
}

/// Declares a group: keys with their documentation, types and defaults (in JSON), and groups that are part of it,
/// of which some keys may have other defaults here.
macro_rules! keys {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            $($(#[doc = $doc:literal])* $key:ident: $kind:ty = $default:tt,)*
            $(+ $group:ident: $type:ty $({ $($inner:ident = $value:tt),* })?,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $doc])* pub(crate) $key: $kind,)*
            $(pub(crate) $group: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                use $crate::settings::Setting as _;
                Self {
                    $($key: <$kind>::read(&serde_json::json!($default)).expect("the default has the key's type"),)*
                    $($group: {
                        #[allow(unused_mut, reason = "most groups keep their defaults")]
                        let mut group = <$type>::default();
                        $($(
                            group.$inner = $crate::settings::Setting::read(&serde_json::json!($value))
                                .expect("the default has the key's type");
                        )*)?
                        group
                    },)*
                }
            }
        }

        impl $crate::settings::Keys for $name {
            fn set(&mut self, key: &str, value: &serde_json::Value) -> Option<Result<(), String>> {
                use $crate::settings::Setting as _;
                $(
                    // A key such as `type` is a word of Rust, too.
                    if key == stringify!($key).trim_start_matches("r#") {
                        return Some(self.$key.take(value));
                    }
                )*
                $(
                    if let Some(done) = self.$group.set(key, value) {
                        return Some(done);
                    }
                )*
                None
            }

            fn keys() -> Vec<$crate::settings::Key> {
                #[allow(unused_mut, reason = "a group may have no groups in it")]
                let mut keys = vec![$(
                    $crate::settings::Key {
                        name: stringify!($key).trim_start_matches("r#"),
                        doc: $crate::settings::keys::doc(&[$($doc),*]),
                        kind: <$kind as $crate::settings::Setting>::KIND,
                        default: serde_json::json!($default).to_string(),
                    },
                )*];
                $(
                    #[allow(unused_mut, reason = "most groups keep their defaults")]
                    let mut group = <$type as $crate::settings::Keys>::keys();
                    $($(
                        for key in group.iter_mut().filter(|key| key.name == stringify!($inner)) {
                            key.default = serde_json::json!($value).to_string();
                        }
                    )*)?
                    keys.extend(group);
                )*
                keys
            }
        }
    };
}
pub(crate) use keys;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    keys! {
        /// An inner group.
        struct Inner {
            /// How often.
            often: u32 = 3,
        }
    }

    keys! {
        /// A group.
        struct Group {
            /// Where
            /// to.
            address: String = "here",
            + inner: Inner,
        }
    }

    keys! {
        /// The same, less often.
        struct Seldom {
            /// Where to.
            address: String = "here",
            + inner: Inner { often = 1 },
        }
    }

    #[test]
    fn a_group_may_have_another_default_within_another_one() {
        assert_eq!((Inner::default().often, Seldom::default().inner.often), (3, 1));
        assert_eq!((Inner::keys()[0].default.as_str(), Seldom::keys()[1].default.as_str()), ("3", "1"));
    }

    #[test]
    fn a_group_has_its_keys_and_those_of_its_groups() {
        let mut group = Group::default();
        assert_eq!((group.address.as_str(), group.inner.often), ("here", 3));
        assert_eq!(group.set("often", &json!("7")), Some(Ok(())));
        assert_eq!(group.inner.often, 7);
        assert_eq!((group.set("often", &json!("")), group.inner.often), (Some(Ok(())), 7));
        assert_eq!(group.set("address", &json!(["x"])), Some(Err("is no text".to_owned())));
        assert_eq!(group.set("adress", &json!("x")), None);
        let keys = Group::keys();
        assert_eq!(keys.iter().map(|key| key.name).collect::<Vec<_>>(), ["address", "often"]);
        assert_eq!((keys[0].doc.as_str(), keys[0].default.as_str()), ("Where to.", "\"here\""));
        assert_eq!(nearest("adress", keys.iter().map(|key| key.name)), Some("address"));
        assert_eq!(nearest("zzz", keys.iter().map(|key| key.name)), None);
    }
}
