//! Ends connections whose peers are too slow: a timeout of reading starts again with every byte, so that a peer that sends
//! a byte now and then would hold its place for ever.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

type Open = Mutex<HashMap<u64, (TcpStream, Instant)>>;

/// The connections and when each has to have sent its next PDU.
#[derive(Clone)]
pub struct Deadlines {
    open: Arc<Open>,
    patience: Duration,
}

/// One connection's deadline; dropped, there is none.
pub struct Deadline {
    all: Deadlines,
    number: u64,
}

impl Deadlines {
    /// Deadlines of this length, which a thread enforces as long as they exist.
    ///
    /// # Errors
    /// If the system refuses the thread.
    pub fn new(patience: Duration) -> std::io::Result<Self> {
        let open: Arc<Open> = Arc::default();
        let watched = Arc::downgrade(&open);
        std::thread::Builder::new().name("pleura-deadlines".into()).spawn(move || {
            while let Some(open) = watched.upgrade() {
                enforce(&open);
                drop(open);
                std::thread::sleep(Duration::from_millis(500));
            }
        })?;
        Ok(Self { open, patience })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, (TcpStream, Instant)>> {
        lock(&self.open)
    }

    /// Begins a connection's deadline.
    ///
    /// # Errors
    /// If the system has no more handles.
    pub fn of(&self, stream: &TcpStream) -> std::io::Result<Deadline> {
        let stream = stream.try_clone()?;
        let mut open = self.lock();
        let number = (0..).find(|number| !open.contains_key(number)).unwrap_or(u64::MAX);
        open.insert(number, (stream, Instant::now() + self.patience));
        Ok(Deadline { all: self.clone(), number })
    }
}

fn lock(open: &Open) -> MutexGuard<'_, HashMap<u64, (TcpStream, Instant)>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes the connections that are past their deadline.
fn enforce(open: &Open) {
    let now = Instant::now();
    for (stream, _) in lock(open).values().filter(|(_, deadline)| *deadline < now) {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

impl Deadline {
    /// Gives the peer as long again.
    pub fn renew(&self) {
        if let Some((_, deadline)) = self.all.lock().get_mut(&self.number) {
            *deadline = Instant::now() + self.all.patience;
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.all.lock().remove(&self.number);
    }
}
