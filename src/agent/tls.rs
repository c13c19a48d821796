//! TLS inside an environment, which trusts only its own authority.

use std::sync::Arc;

use lapin::tcp::RustlsConnector;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Creates connectors for HTTP and AMQP that trust the PEM certificates in `ca`; without any, they refuse every peer.
pub(super) fn connectors(ca: &str) -> Result<(TlsConnector, RustlsConnector), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        let certificate = certificate.map_err(|e| format!("its certificate is not PEM: {e}"))?;
        roots.add(certificate).map_err(|e| format!("its certificate is refused: {e}"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    Ok((TlsConnector::from(config.clone()), RustlsConnector::from(config)))
}

/// Wraps a stream; the peer must have a certificate for `host`.
pub(super) async fn wrap<S: AsyncRead + AsyncWrite + Unpin>(
    connector: &TlsConnector,
    host: &str,
    stream: S,
) -> std::io::Result<TlsStream<S>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| std::io::Error::other(format!("`{host}` cannot be a name in a certificate")))?;
    connector.connect(name, stream).await
}
