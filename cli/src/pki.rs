//! A small certificate authority: enough to start with, and replaceable by any other that writes
//! the same names.
//!
//! A certificate says what its owner may do by a URI among its alternative names:
//! `spiffe://cadge/ROLE/NAME`.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

/// The trust domain in front of every role.
const TRUST_DOMAIN: &str = "spiffe://cadge";

/// How long a certificate authority lives, in days.
const AUTHORITY_DAYS: u32 = 3650;

/// What a certificate's owner may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Serves: the hub itself.
    Hub,
    /// Hands in alerts.
    Sensor,
    /// Reads alerts.
    Consumer,
    /// Does everything.
    Admin,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Sensor => "sensor",
            Self::Consumer => "consumer",
            Self::Admin => "admin",
        }
    }
}

/// What to put into a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// What the owner may do.
    pub(crate) role: Role,
    /// The owner's name.
    pub(crate) name: &'a str,
    /// Host names and addresses under which it is reached.
    pub(crate) hosts: &'a [String],
    /// How long it is valid, in days.
    pub(crate) days: u32,
}

/// The files of a certificate and its key in a folder.
pub(crate) fn files(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
    (dir.join(format!("{name}.crt")), dir.join(format!("{name}.key")))
}

/// Makes a new authority: `ca.crt` and `ca.key` in `dir`. Refuses where one is.
pub(crate) fn init(dir: &Path) -> Result<PathBuf> {
    fs::create_dir_all(dir).with_context(|| format!("creating the folder {}", dir.display()))?;
    let (certificate, key) = files(dir, "ca");
    if certificate.exists() || key.exists() {
        bail!(
            "{} exists: every certificate it has signed depends on it, so it is kept",
            certificate.display()
        );
    }
    let key_pair = KeyPair::generate().context("generating a key")?;
    let mut params = named("Cadge certificate authority", AUTHORITY_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let signed = params.self_signed(&key_pair).context("signing the authority's certificate")?;
    write_new(&key, &key_pair.serialize_pem(), 0o600)?;
    write_new(&certificate, &signed.pem(), 0o644)?;
    Ok(certificate)
}

/// Signs a certificate with the authority in `dir`: `NAME.crt` and `NAME.key` beside it.
pub(crate) fn issue(dir: &Path, request: &Request<'_>) -> Result<PathBuf> {
    check_name(request.name)?;
    let issuer = authority(dir)?;
    let key_pair = KeyPair::generate().context("generating a key")?;
    let signed = params(request)?.signed_by(&key_pair, &issuer).context("signing the certificate")?;
    let (certificate, key) = files(dir, request.name);
    write_new(&key, &key_pair.serialize_pem(), 0o600)?;
    write_new(&certificate, &signed.pem(), 0o644)?;
    Ok(certificate)
}

/// The authority in a folder.
pub(crate) fn authority(dir: &Path) -> Result<Issuer<'static, KeyPair>> {
    let (ca_certificate, ca_key) = files(dir, "ca");
    let advice = || format!("reading {}: is `cadge pki init` done?", ca_key.display());
    let ca_key = KeyPair::from_pem(&fs::read_to_string(&ca_key).with_context(advice)?)
        .with_context(|| format!("{} is no private key", ca_key.display()))?;
    let ca_pem = fs::read_to_string(&ca_certificate)
        .with_context(|| format!("reading {}", ca_certificate.display()))?;
    Issuer::from_ca_cert_pem(&ca_pem, ca_key)
        .with_context(|| format!("{} is no certificate", ca_certificate.display()))
}

fn params(request: &Request<'_>) -> Result<CertificateParams> {
    let mut params = named(request.name, request.days);
    let uri = format!("{TRUST_DOMAIN}/{}/{}", request.role.name(), request.name);
    params.subject_alt_names.push(SanType::URI(uri.as_str().try_into().context("the name")?));
    for host in request.hosts {
        params.subject_alt_names.push(match host.parse::<IpAddr>() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName(
                host.as_str().try_into().with_context(|| format!("`{host}` is no host name"))?,
            ),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match request.role {
        Role::Hub => ExtendedKeyUsagePurpose::ServerAuth,
        Role::Sensor | Role::Consumer | Role::Admin => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The parts that all certificates have. A day is taken off the start, for clocks that are behind.
fn named(common_name: &str, days: u32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(i64::from(days));
    params
}

/// A name becomes part of a file's name and of a URI.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name == "ca" || name.starts_with('.') || !name.chars().all(allowed) {
        bail!("`{name}` can't be a name: use letters, digits, `-`, `_` and `.`, and not `ca`");
    }
    Ok(())
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("creating {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn issues_certificates_that_name_role_and_hosts() {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path()).unwrap();
        let hosts = ["localhost".to_string(), "127.0.0.1".to_string()];
        let request = Request { role: Role::Hub, name: "hub", hosts: &hosts, days: 30 };
        let path = issue(dir.path(), &request).unwrap();

        let pem = fs::read(path).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        let names: Vec<String> = names.value.general_names.iter().map(ToString::to_string).collect();
        assert!(names[0].contains("spiffe://cadge/hub/hub"), "{names:?}");
        assert!(names[1].contains("localhost"), "{names:?}");

        let mode = fs::metadata(dir.path().join("hub.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path()).unwrap();
        assert!(init(dir.path()).unwrap_err().to_string().contains("exists"));
        let request = Request { role: Role::Sensor, name: "s", hosts: &[], days: 30 };
        issue(dir.path(), &request).unwrap();
        assert!(issue(dir.path(), &request).is_err());
    }

    #[test]
    fn refuses_names_that_leave_the_folder() {
        for name in ["", "ca", "../x", "a/b", ".hidden", "a b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("node-1.example").is_ok());
    }
}
