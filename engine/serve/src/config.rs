//! How a node runs.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::ServeError;
use crate::inbox::SpoolLimits;
use crate::tls::TlsFiles;

/// How a node runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of everything that was received, and of the ledger.
    pub spool: PathBuf,
    /// Where DICOM associations are accepted; port 0 chooses a free one.
    pub dicom: Option<SocketAddr>,
    /// Where HTTP requests are answered.
    pub http: Option<SocketAddr>,
    /// The node's AE title; it is the called one of an association.
    pub title: String,
    /// Who may send over DICOM; empty: anyone on this machine.
    pub allow: Vec<Peer>,
    /// What HTTP requests must bring, as `Authorization: Bearer` or as the password of `Basic`.
    pub token: Option<String>,
    /// How listeners speak TLS; by default they do not.
    pub tls: Option<TlsFiles>,
    /// Limits of the spool.
    pub limits: SpoolLimits,
    /// The largest PDU that is accepted, in bytes.
    pub max_pdu: u32,
    /// Associations, and HTTP connections, at once.
    pub max_associations: usize,
    /// The largest body of an HTTP request, in bytes.
    pub max_body: u64,
    /// How long a silent peer is waited for.
    pub timeout: Duration,
    /// How long `POST /predict` waits for its results before it answers 202.
    pub wait: Duration,
}

/// A sender: an AE title on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The calling AE title; `*` is any.
    pub title: String,
    /// The host.
    pub host: IpAddr,
}

impl std::str::FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("expected AE-TITLE@ADDRESS, such as `CR1@192.0.2.7`, found `{text}`");
        let (title, host) = text.rsplit_once('@').ok_or_else(fault)?;
        let host = host.parse().map_err(|_| fault())?;
        if title.is_empty() || title.len() > 16 {
            return Err(fault());
        }
        Ok(Self { title: title.into(), host })
    }
}

impl Config {
    /// Checks that an address beyond this machine limits who may send.
    ///
    /// # Errors
    /// If it does not; the error names the option.
    pub fn check(&self) -> Result<(), ServeError> {
        let open = |address: &SocketAddr| !address.ip().is_loopback();
        if let Some(address) = self.dicom.filter(open)
            && self.allow.is_empty()
        {
            return Err(ServeError::Open { what: "--dicom", address, flag: "--allow AE-TITLE@ADDRESS" });
        }
        if let Some(address) = self.http.filter(open)
            && self.token.is_none()
        {
            return Err(ServeError::Open { what: "--http", address, flag: "--token-file FILE" });
        }
        Ok(())
    }

    /// Whether a host may open an association.
    #[must_use]
    pub fn allows_host(&self, host: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|peer| peer.host == host.to_canonical())
    }

    /// Whether an AE title on a host may send.
    #[must_use]
    pub fn allows(&self, title: &str, host: IpAddr) -> bool {
        let allowed = |peer: &Peer| peer.host == host.to_canonical() && (peer.title == "*" || peer.title == title);
        self.allow.is_empty() || self.allow.iter().any(allowed)
    }
}
