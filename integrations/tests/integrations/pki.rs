//! A certificate authority for a test: certificates for loopback, and for clients.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};

/// An authority.
pub(crate) struct Pki {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// The authority's certificate.
    pub(crate) fn authority(&self) -> String {
        self.issuer.pem()
    }

    /// A key and a certificate for a server on loopback that may be a client's too.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = vec![
            SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()),
            SanType::DnsName("localhost".try_into().unwrap()),
        ];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        (key.serialize_pem(), certificate)
    }

    /// Writes `ca.crt`, and `NAME.key` and `NAME.crt` for each name.
    pub(crate) fn write(&self, dir: &Path, names: &[&str]) {
        std::fs::write(dir.join("ca.crt"), self.authority()).unwrap();
        for name in names {
            let (key, certificate) = self.issue(name);
            std::fs::write(dir.join(format!("{name}.key")), key).unwrap();
            std::fs::write(dir.join(format!("{name}.crt")), certificate).unwrap();
        }
    }
}
