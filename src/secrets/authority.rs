//! The environment's own certificate authority. Its key exists only during generation.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

use super::error::SecretsError;

/// Signs certificates for one environment.
pub(super) struct Authority {
    environment: String,
    ttl_secs: u64,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

fn failed(name: &str) -> impl FnOnce(rcgen::Error) -> SecretsError {
    move |source| SecretsError::Certificate { name: name.to_owned(), source }
}

impl Authority {
    /// Creates a key and its certificate, valid from yesterday until a day after the environment's expiry.
    pub fn new(environment: &str, ttl_secs: u64) -> Result<Self, SecretsError> {
        let failed = || failed("the environment's authority");
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed())?;
        let mut params = CertificateParams::new(Vec::new()).map_err(failed())?;
        params.distinguished_name.push(DnType::CommonName, format!("dayfly {environment}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        limit(&mut params, ttl_secs);
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(failed())?;
        Ok(Self { environment: environment.to_owned(), ttl_secs, issuer })
    }

    /// Returns its certificate (PEM).
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// Creates a server certificate for the unit's names in its environment, and its key (PKCS#8); both PEM.
    pub fn issue(&self, unit: &str) -> Result<(String, String), SecretsError> {
        let environment = &self.environment;
        let names = vec![
            unit.to_owned(),
            format!("{unit}.{environment}"),
            format!("{unit}.{environment}.svc"),
            format!("{unit}.{environment}.svc.cluster.local"),
            "localhost".to_owned(),
        ];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed(unit))?;
        let mut params = CertificateParams::new(names).map_err(failed(unit))?;
        params.distinguished_name.push(DnType::CommonName, unit);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        limit(&mut params, self.ttl_secs);
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed(unit))?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

/// Returns whole days around the environment's life, to tolerate inaccurate clocks.
fn limit(params: &mut CertificateParams, ttl_secs: u64) {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let life = i64::try_from(ttl_secs).unwrap_or(i64::MAX).min(10 * 365 * 86_400);
    let day = |moment: &jiff::Zoned| {
        date_time_ymd(moment.year().into(), moment.month().unsigned_abs(), moment.day().unsigned_abs())
    };
    params.not_before = day(&now.saturating_sub(1.day()));
    params.not_after = day(&now.saturating_add(life.seconds()).saturating_add(2.days()));
}
