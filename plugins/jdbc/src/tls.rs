//! TLS to a database: rustls, with as much checking as the settings ask for.

use crate::error::JdbcError;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use std::{path::PathBuf, sync::Arc};

/// What is checked of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Nothing: who listens is kept out, who stands between is not.
    Nothing,
    /// That an authority vouches for it.
    Authority,
    /// That, and the host's name.
    Host,
}

/// Files of certificates, in PEM; a key may also be PKCS #8 in DER.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsFiles {
    pub(crate) root: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

/// Makes the process's provider of cryptography ours, for drivers that ask the process; a second call changes nothing.
pub(crate) fn install_provider() {
    // It fails when there is one already, which is as good.
    let _ = ring::default_provider().install_default();
}

/// Returns the configuration of a client.
pub(crate) fn client(verify: Verify, files: &TlsFiles) -> Result<ClientConfig, JdbcError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| JdbcError::setting(format!("starting TLS: {error}")))?;
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        Verify::Nothing => Arc::new(Lenient { provider, authority: None }),
        Verify::Authority => {
            let authority = Some(web_pki(files, &provider)?);
            Arc::new(Lenient { provider, authority })
        }
        Verify::Host => web_pki(files, &provider)?,
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let key = private_key(key)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| JdbcError::setting(format!("using {}: {error}", certificate.display())))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

fn web_pki(files: &TlsFiles, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, JdbcError> {
    let mut roots = RootCertStore::empty();
    match &files.root {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| {
                    JdbcError::setting(format!("using the certificates in {}: {error}", path.display()))
                })?;
            }
        }
        None => {
            let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| JdbcError::setting(format!("reading the certificates of authorities: {error}")))
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, JdbcError> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| JdbcError::setting(format!("reading {}: {error}", path.display())))?;
    if found.is_empty() {
        return Err(JdbcError::setting(format!("{} holds no certificate in PEM", path.display())));
    }
    Ok(found)
}

fn private_key(path: &PathBuf) -> Result<PrivateKeyDer<'static>, JdbcError> {
    let failed = |reason: String| JdbcError::setting(format!("reading {}: {reason}", path.display()));
    match PrivateKeyDer::from_pem_file(path) {
        Ok(key) => Ok(key),
        Err(not_pem) => {
            let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
            PrivateKeyDer::try_from(bytes).map_err(|_| failed(not_pem.to_string()))
        }
    }
}

/// Checks less than rustls does by itself: no name, or nothing.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    authority: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            found => found,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
