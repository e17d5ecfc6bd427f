//! `cadge pki revoke`: the list of certificates that count no longer.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

use crate::pki::{authority, check_name, files};

/// The list in the authority's folder.
const FILE: &str = "crl.pem";

/// Days after which the list says that there should be a newer one. The hub uses it longer, with a
/// warning.
const DAYS: i64 = 365;

/// Adds a certificate to the list, and makes the list if there is none. Answers its path.
pub(crate) fn revoke(dir: &Path, name: &str) -> Result<PathBuf> {
    check_name(name)?;
    let issuer = authority(dir)?;
    let serial = serial(&files(dir, name).0)?;
    let path = dir.join(FILE);
    let (number, mut revoked) = if path.exists() { read(&path)? } else { (0, Vec::new()) };
    if revoked.iter().any(|entry| entry.serial_number == serial) {
        bail!("the certificate of `{name}` is revoked already");
    }
    let now = OffsetDateTime::now_utc();
    revoked.push(RevokedCertParams {
        serial_number: serial,
        revocation_time: now,
        reason_code: Some(RevocationReason::Unspecified),
        invalidity_date: None,
    });
    let list = CertificateRevocationListParams {
        // For clocks that are behind.
        this_update: now - Duration::days(1),
        next_update: now + Duration::days(DAYS),
        crl_number: SerialNumber::from(number + 1),
        issuing_distribution_point: None,
        revoked_certs: revoked,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let pem = list.signed_by(&issuer).and_then(|list| list.pem()).context("signing the list")?;
    // A hub may read it at any moment.
    let part = path.with_extension("pem.part");
    fs::write(&part, pem).with_context(|| format!("writing {}", part.display()))?;
    fs::rename(&part, &path).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

fn serial(certificate: &Path) -> Result<SerialNumber> {
    let pem = fs::read(certificate).with_context(|| format!("reading {}", certificate.display()))?;
    let broken = || format!("{} is no certificate in PEM", certificate.display());
    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).with_context(broken)?;
    let parsed = pem.parse_x509().with_context(broken)?;
    Ok(SerialNumber::from_slice(parsed.raw_serial()))
}

/// The number of a list, and what it revokes.
fn read(path: &Path) -> Result<(u64, Vec<RevokedCertParams>)> {
    let broken = || format!("{} is no list of revoked certificates: move it away", path.display());
    let pem = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).with_context(broken)?;
    let (_, list) = CertificateRevocationList::from_der(&pem.contents).with_context(broken)?;
    let number = list.crl_number().and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    let entry = |entry: &x509_parser::revocation_list::RevokedCertificate<'_>| RevokedCertParams {
        serial_number: SerialNumber::from_slice(entry.raw_serial()),
        revocation_time: entry.revocation_date.to_datetime(),
        reason_code: Some(RevocationReason::Unspecified),
        invalidity_date: None,
    };
    Ok((number, list.iter_revoked_certificates().map(entry).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Request, Role, init, issue};

    #[test]
    fn the_list_grows_and_names_each_once() {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path()).unwrap();
        for name in ["a", "b"] {
            issue(dir.path(), &Request { role: Role::Sensor, name, hosts: &[], days: 30 }).unwrap();
        }
        let path = revoke(dir.path(), "a").unwrap();
        revoke(dir.path(), "b").unwrap();
        let (number, revoked) = read(&path).unwrap();
        let serials: Vec<_> = revoked.into_iter().map(|entry| entry.serial_number).collect();
        let expected = ["a.crt", "b.crt"].map(|name| serial(&dir.path().join(name)).unwrap());
        assert_eq!((number, serials), (2, expected.to_vec()));
        assert!(revoke(dir.path(), "a").unwrap_err().to_string().contains("already"));
        assert!(revoke(dir.path(), "../a").is_err());
        fs::write(&path, "no list").unwrap();
        assert!(format!("{:#}", revoke(dir.path(), "b").unwrap_err()).contains("move it away"));
    }
}
