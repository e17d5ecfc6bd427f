//! AWS Signature Version 4: proves who sends a request, and that nobody has changed it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use reqwest::Url;
use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, Tag, sign};

use super::credentials::Keys;

/// What signs requests to one service.
pub(super) struct Signer {
    pub(super) region: String,
    pub(super) service: &'static str,
}

/// What is signed.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) address: &'a Url,
    /// Headers by names in small letters, `host` and `x-amz-date` among them.
    pub(super) headers: &'a BTreeMap<&'static str, String>,
    pub(super) body: &'a [u8],
}

impl Signer {
    /// The header `authorization`, at a time such as `20150830T123600Z`.
    pub(super) fn authorization(&self, keys: &Keys, request: &Signed<'_>, time: &str) -> String {
        let day = &time[..time.len().min(8)];
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let names: Vec<&str> = request.headers.keys().copied().collect();
        let names = names.join(";");
        let canonical = self.canonical(request, &names);
        let signed = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let mut key = Key::new(HMAC_SHA256, format!("AWS4{}", keys.secret.reveal()).as_bytes());
        for part in [day, &self.region, self.service, "aws4_request"] {
            key = Key::new(HMAC_SHA256, sign(&key, part.as_bytes()).as_ref());
        }
        let tag: Tag = sign(&key, signed.as_bytes());
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            keys.id,
            hex(tag.as_ref())
        )
    }

    fn canonical(&self, request: &Signed<'_>, names: &str) -> String {
        // Every service but S3 encodes the path as it is sent once more.
        let path = match self.service {
            "s3" => request.address.path().to_owned(),
            _ => encoded(request.address.path(), true),
        };
        let mut query: Vec<(String, String)> = request
            .address
            .query_pairs()
            .map(|(name, value)| (encoded(&name, false), encoded(&value, false)))
            .collect();
        query.sort_unstable();
        let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut text = format!("{}\n{path}\n{}\n", request.method, query.join("&"));
        for (name, value) in request.headers {
            // Several blanks count as one.
            let value: Vec<&str> = value.split_ascii_whitespace().collect();
            writeln!(text, "{name}:{}", value.join(" ")).expect("a text takes whatever is written");
        }
        write!(text, "\n{names}\n{}", sha256(request.body)).expect("a text takes whatever is written");
        text
    }
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A text as a part of an address: everything but letters, digits and `-._~` as `%` and two digits, and `/` too
/// unless it is a path's.
pub(in crate::destinations) fn encoded(text: &str, is_path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' if is_path => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Pairs as a form has them.
pub(in crate::destinations) fn form<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> String {
    let part = |text: &str| encoded(text, false).replace("%20", "+");
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", part(name.as_ref()), part(value.as_ref())));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What AWS publishes: a request, and the signature it must have.
    fn signature(
        service: &'static str,
        request: (&str, &str, &str),
        more: &[(&'static str, &str)],
    ) -> String {
        let (method, address, body) = request;
        let is_s3 = service == "s3";
        let (key_id, slash) = if is_s3 { ("AKIAIOSFODNN7EXAMPLE", "/") } else { ("AKIDEXAMPLE", "+") };
        let time = if is_s3 { "20130524T000000Z" } else { "20150830T123600Z" };
        let address: Url = address.parse().unwrap();
        let mut headers = BTreeMap::from([
            ("host", address.host_str().unwrap().to_owned()),
            ("x-amz-date", time.to_owned()),
        ]);
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let secret = format!("wJalrXUtnFEMI/K7MDENG{slash}bPxRfiCYEXAMPLEKEY").into();
        let keys = Keys { id: key_id.to_owned(), secret, token: String::new().into() };
        let signer = Signer { region: "us-east-1".to_owned(), service };
        let request = Signed { method, address: &address, headers: &headers, body: body.as_bytes() };
        signer.authorization(&keys, &request, time).rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn signatures_are_those_of_the_published_suite() {
        let at = |path: &str| format!("https://example.amazonaws.com{path}");
        for (method, path, body, more, expected) in [
            ("GET", "/", "", &[][..], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "/", "", &[], "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "POST",
                "/",
                "Param1=value1",
                &[("content-type", "application/x-www-form-urlencoded")],
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "GET",
                "/?Param2=value2&Param1=value1",
                "",
                &[],
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "GET",
                "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                "",
                &[],
                "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
            ),
        ] {
            assert_eq!(signature("service", (method, &at(path), body), more), expected, "{method} {path}");
        }
    }

    #[test]
    fn an_object_is_signed_as_published() {
        let found = signature(
            "s3",
            ("PUT", "https://examplebucket.s3.amazonaws.com/test%24file.text", "Welcome to Amazon S3."),
            &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
        );
        assert_eq!(found, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    }

    #[test]
    fn what_an_address_cannot_hold_is_encoded() {
        assert_eq!(encoded("a/b c+ü~", true), "a/b%20c%2B%C3%BC~");
        assert_eq!(encoded("arn:aws/x", false), "arn%3Aaws%2Fx");
    }
}
