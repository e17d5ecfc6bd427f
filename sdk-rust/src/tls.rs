//! Certificates and keys, and errors that name the one that can't be used.

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::Error;

/// What the lines of a PEM file have at least, for a certificate and for a key.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// A certificate or key, and what errors call it: its path, if it has one.
#[derive(Clone)]
pub(crate) struct Pem {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: String,
}

/// The endpoint with its certificates. Each is tried by itself, so that an error can name it.
pub(crate) fn secured(
    endpoint: &Endpoint,
    mut tls: ClientTlsConfig,
    ca: Option<&Pem>,
    identity: Option<&(Pem, Pem)>,
) -> Result<Endpoint, Error> {
    let unusable = |names: &str, error: &tonic::transport::Error| {
        let why = std::error::Error::source(error).map_or(error.to_string(), ToString::to_string);
        Error::WrongCertificate(format!("{names} can't be used: {why}; give PEM files that belong together"))
    };
    let mut secured = if let Some(ca) = ca {
        tls = tls.ca_certificate(Certificate::from_pem(ca.with("certificate", CERTIFICATE)?));
        endpoint.clone().tls_config(tls.clone()).map_err(|error| unusable(&ca.name, &error))?
    } else {
        tls = tls.with_native_roots();
        let names = "the machine's authorities, without one that is given,";
        endpoint.clone().tls_config(tls.clone()).map_err(|error| unusable(names, &error))?
    };
    if let Some((cert, key)) = identity {
        let (shown, by) = (cert.with("certificate", CERTIFICATE)?, key.with("key", PRIVATE_KEY)?);
        let names = format!("{} with {}", cert.name, key.name);
        let tls = tls.identity(Identity::from_pem(shown, by));
        secured = secured.tls_config(tls).map_err(|error| unusable(&names, &error))?;
    }
    Ok(secured)
}

impl Pem {
    /// The bytes, if some line of them begins what is wanted.
    fn with(&self, what: &str, start: &str) -> Result<&[u8], Error> {
        if self.bytes.windows(start.len()).any(|part| part == start.as_bytes()) {
            return Ok(&self.bytes);
        }
        let name = &self.name;
        Err(Error::WrongCertificate(format!(
            "{name} has no {what}: it needs a line with `{start}`, as PEM has it"
        )))
    }
}
