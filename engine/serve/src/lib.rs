//! A node: takes radiographs over DICOM and HTTP, runs an ensemble on them, and sends the results on.
//!
//! ```text
//! C-STORE, STOW-RS, POST /predict ──▶ inbox (disk, synced) ──▶ worker (ensemble) ──▶ couriers ──▶ destinations
//! ```
//!
//! An object is on the disk before its sender is answered; everything after that is done again until it has happened
//! ([`inbox`]). Results go where [`rules`] say.

#![deny(missing_docs)]

mod config;
mod deliver;
mod dimse;
mod error;
mod http;
pub mod inbox;
mod node;
mod objects;
mod retention;
pub mod rules;
mod tls;
mod worker;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{Builder, JoinHandle};

use pleura::ensemble::Ensemble;
use tokio::sync::watch;

pub use config::{Config, Peer};
pub use error::{Refusal, ServeError};
pub use tls::{TlsFiles, TlsPeer};

use inbox::Inbox;
use node::Node;
use objects::Maker;
use rules::Rules;

/// A running node. Dropping it leaves it running.
pub struct Running {
    node: Arc<Node>,
    dicom: Option<SocketAddr>,
    http: Option<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts a node. Objects that an earlier one received and did not finish are processed first.
    ///
    /// # Errors
    /// If an address is open to other machines without a limit on who may send, the spool cannot be used, an address
    /// cannot be listened on, or a certificate cannot be used.
    pub fn start(config: Config, rules: Rules, ensemble: Ensemble) -> Result<Self, ServeError> {
        config.check()?;
        let tls = config.tls.as_ref().map(tls::server).transpose()?;
        let maker = Maker::new(&ensemble).map_err(ServeError::Ensemble)?;
        rules.check(maker.makes_objects(), ensemble.path())?;
        let inbox = Inbox::open(&config.spool, config.limits)?;
        let (dicom, http) = (listen(config.dicom)?, listen(config.http)?);
        let node = Arc::new(Node {
            tls,
            config,
            inbox,
            rules,
            arrivals: node::Signal::default(),
            results: node::Signal::default(),
            finished: watch::Sender::new(0),
            goes_on: AtomicBool::new(true),
            counters: node::Counters::default(),
        });
        let address = |listener: &Option<TcpListener>| listener.as_ref().and_then(|found| found.local_addr().ok());
        let mut running = Self { dicom: address(&dicom), http: address(&http), node, threads: Vec::new() };
        running.spawn("worker", move |node| worker::run(node, &ensemble, &maker))?;
        for (name, destination) in running.node.rules.destinations.clone() {
            running.spawn("courier", move |node| deliver::run(node, &name, &destination))?;
        }
        running.spawn("retention", |node| retention::run(node))?;
        if let Some(listener) = dicom {
            running.spawn("dicom", move |node| dimse::run(node, &listener))?;
        }
        if let Some(listener) = http {
            running.spawn("http", move |node| http::run(node, listener))?;
        }
        Ok(running)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce(&Arc<Node>) + Send + 'static) -> Result<(), ServeError> {
        let node = Arc::clone(&self.node);
        let thread = Builder::new().name(format!("pleura-{name}")).spawn(move || work(&node));
        self.threads.push(thread.map_err(ServeError::Threads)?);
        Ok(())
    }

    /// Where DICOM associations are accepted.
    #[must_use]
    pub fn dicom(&self) -> Option<SocketAddr> {
        self.dicom
    }

    /// Where HTTP requests are answered.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The number of images that wait for the ensemble, with those of an earlier run.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn queued(&self) -> Result<i64, ServeError> {
        Ok(self.node.inbox.ledger.queued()?)
    }

    /// Whether all parts of the node still run: a part ends by itself only through a bug.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Stops the node: the images in progress are finished, the others stay in the spool.
    pub fn stop(self) {
        self.node.stop();
        // wakes the listeners
        [self.dicom, self.http].into_iter().flatten().for_each(|address| drop(TcpStream::connect(address)));
        self.threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn listen(address: Option<SocketAddr>) -> Result<Option<TcpListener>, ServeError> {
    let bind = |address| TcpListener::bind(address).map_err(|source| ServeError::Listen { address, source });
    address.map(bind).transpose()
}
