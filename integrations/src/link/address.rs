//! How the address of a server is written.

/// An address without its scheme, and whether that asks for TLS. One without a scheme does not.
pub(crate) fn scheme<'a>(
    key: &str,
    address: &'a str,
    plain: &[&str],
    encrypted: &[&str],
) -> Result<(&'a str, bool), String> {
    let Some((scheme, rest)) = address.split_once("://") else { return Ok((address, false)) };
    let rest = rest.trim_end_matches('/');
    match scheme {
        _ if plain.contains(&scheme) => Ok((rest, false)),
        _ if encrypted.contains(&scheme) => Ok((rest, true)),
        _ => {
            let known = [plain, encrypted].concat().join(", ");
            Err(format!("`{key}` begins with `{scheme}://`, which is none of {known}"))
        }
    }
}

/// The parts of `HOST:PORT`, or of `HOST` at the usual port.
pub(crate) fn host_and_port(key: &str, address: &str, usual: u16) -> Result<(String, u16), String> {
    parts(address, usual).ok_or_else(|| format!("`{key}` is no address: it is written `HOST:PORT`"))
}

fn parts(address: &str, usual: u16) -> Option<(String, u16)> {
    let (host, port) = match address.rsplit_once(':') {
        // An address of IPv6 without brackets has no port.
        Some((host, _)) if host.contains(':') && !host.starts_with('[') => (address, usual),
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty() && !host.contains(['/', '@', ' '])).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_perhaps_a_port() {
        let known = |address| parts(address, 7);
        for (address, host, port) in [
            ("redis:6379", "redis", 6379),
            ("redis", "redis", 7),
            ("[::1]:80", "::1", 80),
            ("[::1]", "::1", 7),
            ("::1", "::1", 7),
        ] {
            assert_eq!(known(address), Some((host.to_owned(), port)), "{address}");
        }
        for address in ["", ":80", "redis:x", "redis:70000", "redis://redis:1", "a@b:1"] {
            assert_eq!(known(address), None, "{address}");
        }
    }

    #[test]
    fn a_scheme_says_whether_to_encrypt() {
        let known = |address| scheme("broker", address, &["tcp"], &["ssl", "tls"]);
        assert_eq!(known("tcp://a:1"), Ok(("a:1", false)));
        assert_eq!(known("tls://a:1/"), Ok(("a:1", true)));
        assert_eq!(known("a:1"), Ok(("a:1", false)));
        assert!(known("ws://a:1").unwrap_err().contains("none of tcp, ssl, tls"));
    }
}
