//! The address of a broker: `amqp://user:password@host:port/vhost`.

use reqwest::Url;

use crate::settings::Secret;

/// Who one is where the address does not say, and where.
const GUEST: &str = "guest";

/// What an address says.
pub(super) struct Address {
    /// `HOST:PORT`, perhaps without the port.
    pub(super) place: String,
    pub(super) is_encrypted: bool,
    pub(super) user: String,
    pub(super) password: Secret,
    pub(super) vhost: String,
}

impl Address {
    /// The error does not show the address: it may have a password in it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let form = "is written `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` with TLS";
        let url = Url::parse(text).map_err(|error| format!("`url` is no address ({error}): it {form}"))?;
        let is_encrypted = match url.scheme() {
            "amqp" => false,
            "amqps" => true,
            other => return Err(format!("`url` begins with `{other}://`: it {form}")),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| format!("`url` has no host: it {form}"))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("`url` has a `?` or a `#` in it: settings are keys of their own, and in a password \
                        they are written `%3F` and `%23`"
                .to_owned());
        }
        let place = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let part = |text: &str| {
            let known = decoded(text).filter(|text| text.len() < 256);
            known.ok_or_else(|| {
                "`url` has a part that is no text after its `%`, or is longer than 255 bytes".to_owned()
            })
        };
        let (user, password) = match url.username() {
            "" => (GUEST.to_owned(), GUEST.to_owned()),
            user => (part(user)?, url.password().map_or(Ok(String::new()), part)?),
        };
        let vhost = url.path().strip_prefix('/').filter(|path| !path.is_empty());
        let vhost = vhost.map_or(Ok("/".to_owned()), part)?;
        Ok(Self { place, is_encrypted, user, password: password.into(), vhost })
    }
}

/// A text of an address with its `%2F` as `/`.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_says_who_and_where() {
        let known = |text: &str| {
            let address = Address::parse(text).unwrap();
            let password = address.password.reveal().to_owned();
            (address.place, address.is_encrypted, address.user, password, address.vhost)
        };
        let of = |place: &str, is_encrypted, user: &str, password: &str, vhost: &str| {
            (place.to_owned(), is_encrypted, user.to_owned(), password.to_owned(), vhost.to_owned())
        };
        assert_eq!(known("amqp://rabbit"), of("rabbit", false, "guest", "guest", "/"));
        assert_eq!(known("amqp://u:p%40%2F@rabbit:1/"), of("rabbit:1", false, "u", "p@/", "/"));
        assert_eq!(known("amqps://u:@[::1]:5/a%2fb"), of("[::1]:5", true, "u", "", "a/b"));
        assert_eq!(known("amqp://rabbit/%2F"), of("rabbit", false, "guest", "guest", "/"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_shown() {
        for (text, words) in [
            ("T0KEN", "is no address"),
            ("http://u:T0KEN@a", "begins with `http://`"),
            ("amqp:///T0KEN", "no host"),
            ("amqp://u:T0KEN@a/?heartbeat=1", "settings are keys"),
            ("amqp://u:T0KEN%f@a", "no text after"),
        ] {
            let error = Address::parse(text).err().unwrap();
            assert!(error.contains(words) && !error.contains("T0KEN"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_none(text in "(amqps?://)?[ -~]{0,20}", any in ".*") {
            for text in [text, any] {
                if let Ok(address) = Address::parse(&text) {
                    prop_assert!(address.user.len() < 256 && address.vhost.len() < 256);
                }
            }
        }
    }
}
