//! TLS: with the feature `tls`, by rustls. Without it, a configuration that asks for TLS is an error.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What is said where TLS is asked for in vain.
#[cfg(not(feature = "tls"))]
pub(crate) const WITHOUT: &str = "this program is built without TLS: it needs the feature `tls`";

/// How the node's listeners speak TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The node's certificate, and those between it and its authority: PEM.
    pub certificate: PathBuf,
    /// Its private key: PEM.
    pub key: PathBuf,
    /// Authorities of clients' certificates, PEM; with it, a client without such a certificate is not answered.
    pub clients: Option<PathBuf>,
}

/// How a DICOM node is reached over TLS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsPeer {
    /// The authorities of its certificate: PEM.
    pub ca: PathBuf,
    /// The name in its certificate; default: the host of its address.
    pub name: Option<String>,
    /// Our certificate, if it asks for one: PEM, with `key`.
    pub certificate: Option<PathBuf>,
    /// Our private key: PEM.
    pub key: Option<PathBuf>,
}

impl TlsPeer {
    /// Makes paths relative to a folder.
    pub(crate) fn within(&mut self, folder: &Path) {
        for path in [Some(&mut self.ca), self.certificate.as_mut(), self.key.as_mut()].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }
}

#[cfg(feature = "tls")]
pub(crate) use with::{Server, agent, client, server};
#[cfg(not(feature = "tls"))]
pub(crate) use without::{Server, server};

#[cfg(not(feature = "tls"))]
mod without {
    use super::TlsFiles;
    use crate::error::ServeError;

    /// There is none.
    pub enum Server {}

    /// Always an error.
    pub fn server(files: &TlsFiles) -> Result<Server, ServeError> {
        Err(ServeError::Tls { path: files.certificate.clone(), message: super::WITHOUT.into() })
    }
}

#[cfg(feature = "tls")]
mod with {
    use std::path::Path;
    use std::sync::Arc;

    use rustls::crypto::{CryptoProvider, ring};
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::server::WebPkiClientVerifier;
    use rustls::{ClientConfig, RootCertStore, ServerConfig};
    use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

    use super::{TlsFiles, TlsPeer};
    use crate::error::ServeError;

    pub type Server = Arc<ServerConfig>;

    fn provider() -> Arc<CryptoProvider> {
        Arc::new(ring::default_provider())
    }

    fn wrong(path: &Path, message: impl ToString) -> ServeError {
        ServeError::Tls { path: path.into(), message: message.to_string() }
    }

    fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let found = read.map_err(|error| wrong(path, error))?;
        if found.is_empty() { Err(wrong(path, "expected certificates in PEM, found none")) } else { Ok(found) }
    }

    fn roots(path: &Path) -> Result<RootCertStore, ServeError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| wrong(path, error))?;
        }
        Ok(roots)
    }

    fn key(path: &Path) -> Result<PrivateKeyDer<'static>, ServeError> {
        PrivateKeyDer::from_pem_file(path).map_err(|error| wrong(path, error))
    }

    /// The configuration of the node's listeners.
    ///
    /// # Errors
    /// If a file cannot be read, or the key is not the certificate's.
    pub fn server(files: &TlsFiles) -> Result<Server, ServeError> {
        let failed = |error: rustls::Error| wrong(&files.certificate, error);
        let builder =
            ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(failed)?;
        let builder = match &files.clients {
            Some(path) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?), provider()).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| wrong(path, error))?)
            }
            None => builder.with_no_client_auth(),
        };
        let config = builder.with_single_cert(certificates(&files.certificate)?, key(&files.key)?);
        config.map(Arc::new).map_err(failed)
    }

    /// The configuration of an association with a PACS.
    ///
    /// # Errors
    /// As [`server`].
    pub fn client(peer: &TlsPeer) -> Result<Arc<ClientConfig>, ServeError> {
        let failed = |error: rustls::Error| wrong(&peer.ca, error);
        let builder =
            ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(failed)?;
        let builder = builder.with_root_certificates(roots(&peer.ca)?);
        let config = match (&peer.certificate, &peer.key) {
            (Some(certificate), Some(path)) => {
                builder.with_client_auth_cert(certificates(certificate)?, key(path)?).map_err(failed)?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }

    /// The configuration of requests to web servers whose certificates these authorities have signed.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn agent(ca: &Path) -> Result<TlsConfig, ServeError> {
        // once per process; a program that has another provider keeps it
        let _ = ring::default_provider().install_default();
        let roots: Vec<Certificate<'static>> =
            certificates(ca)?.iter().map(|one| Certificate::from_der(one.as_ref()).to_owned()).collect();
        let config = TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(RootCerts::new_with_certs(&roots));
        Ok(config.build())
    }
}
