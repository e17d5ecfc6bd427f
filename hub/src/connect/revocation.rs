//! Lists of revoked certificates.
//!
//! A list counts on when its time is over: what it revokes stays revoked, and nobody is locked out because
//! a new one was late. That is said in the log.

use std::path::Path;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use crate::error::Error;

/// Reads the lists in a file, and warns of what is odd about them.
pub(crate) fn lists(
    path: &Path,
    roots: &[CertificateDer<'static>],
) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
    let failed = |problem: String| Error::Certificate { path: path.to_owned(), problem };
    let read =
        CertificateRevocationListDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    let lists: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))?;
    if lists.is_empty() {
        return Err(failed("it holds no list of revoked certificates (`X509 CRL`) in PEM".to_owned()));
    }
    let now = i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX);
    let mut issuers = Vec::new();
    for list in &lists {
        let (_, parsed) = CertificateRevocationList::from_der(list)
            .map_err(|error| failed(format!("a list in it can't be read ({error})")))?;
        if parsed.next_update().is_some_and(|next| next.timestamp() < now) {
            tracing::warn!(issuer = %parsed.issuer(), "a list of revoked certificates is out of date: it still counts, but write a new one");
        }
        issuers.push(parsed.issuer().as_raw().to_vec());
    }
    for root in roots {
        if let Ok((_, root)) = X509Certificate::from_der(root)
            && !issuers.iter().any(|issuer| issuer == root.subject().as_raw())
        {
            tracing::warn!(authority = %root.subject(), path = %path.display(), "there is no list of revoked certificates of this authority: its certificates are refused");
        }
    }
    Ok(lists)
}
