//! All kinds of servers behind one face.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};

use crate::address::{Address, StoreAddress, StoreKind};
use crate::dicomweb;
use crate::error::{Fault, RemoteError};
use crate::object::{Object, Part};
use crate::prefetch::Fetch;
use crate::retry::{Retry, retrying};
use crate::store::Store;
use crate::web::Web;

/// Threads that wait for servers; downloads need little computation besides decryption.
const THREADS: usize = 2;

/// How objects are read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long a transient fault of one object is retried.
    pub retry: Duration,
    /// Objects that are downloaded at once, or wait to be taken.
    pub ahead: usize,
    /// The sum of their bytes; one object is downloaded, however large.
    pub ahead_bytes: u64,
    /// The largest object that is read.
    pub max_bytes: u64,
}

impl Default for Options {
    /// Retries for a minute; 32 objects and 256 MiB ahead; objects up to 3 GiB.
    fn default() -> Self {
        Self { retry: Duration::from_secs(60), ahead: 32, ahead_bytes: 256 << 20, max_bytes: 3 << 30 }
    }
}

/// Reads objects from servers. Its methods block the caller's thread, which must not be one of a `tokio` runtime.
pub struct Remote(Arc<Inner>);

pub struct Inner {
    pub options: Options,
    runtime: Runtime,
    web: Web,
    stores: Mutex<HashMap<(StoreKind, String), Store>>,
}

impl Remote {
    /// Starts the threads that wait for servers.
    ///
    /// # Errors
    /// If the system refuses a thread, or its certificates cannot be read.
    pub fn new(options: Options) -> io::Result<Self> {
        // an error says that the program has chosen a provider already
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime =
            Builder::new_multi_thread().worker_threads(THREADS).thread_name("pleura-remote").enable_all().build()?;
        let inner = Inner { options, runtime, web: Web::new()?, stores: Mutex::default() };
        Ok(Self(Arc::new(inner)))
    }

    /// The objects of a URL: one, or all below a folder or of a search, in the order of their names.
    ///
    /// # Errors
    /// If the URL is malformed, there are none, or the server cannot be reached.
    pub fn find(&self, url: &str) -> Result<Vec<Object>, RemoteError> {
        self.0.runtime.block_on(self.0.find(url.to_owned()))
    }

    /// Reads an object, or a part of it.
    ///
    /// # Errors
    /// As [`RemoteError`] says.
    pub fn read(&self, object: &Object, part: Part) -> Result<Vec<u8>, RemoteError> {
        self.0.runtime.block_on(self.0.read(object, part))
    }

    /// As [`Remote::find`], for many URLs, several at once; in their order.
    pub fn find_each(&self, urls: &[&str]) -> impl Iterator<Item = Result<Vec<Object>, RemoteError>> {
        let inner = Arc::clone(&self.0);
        let ahead = inner.options.ahead;
        let urls: Vec<String> = urls.iter().map(|&url| url.to_owned()).collect();
        let find = move |url| {
            let inner = Arc::clone(&inner);
            async move { inner.find(url).await }
        };
        let mut found = Box::pin(futures_util::stream::iter(urls).map(find).buffered(ahead));
        std::iter::from_fn(move || self.0.runtime.block_on(found.next()))
    }

    /// Reads objects in their order, several at once.
    #[must_use]
    pub fn fetch<'a>(&self, objects: impl IntoIterator<Item = &'a Object>, part: Part) -> Fetch<'a> {
        Fetch::new(Arc::clone(&self.0), objects.into_iter().collect(), part)
    }
}

impl Inner {
    async fn find(&self, url: String) -> Result<Vec<Object>, RemoteError> {
        let limit = self.options.retry;
        match Address::parse(&url)? {
            Address::Store(address) => self.store(&address)?.find(&address, limit).await,
            Address::Web(url) if url.path().ends_with('/') => Err(RemoteError::new(
                Fault::Address,
                "web servers list no folders in a standard way: name the files, for example with `--list`",
            )),
            Address::Web(url) => retrying(limit, async || self.web.find(&url).await).await.map(|object| vec![object]),
            Address::Dicomweb(url) => dicomweb::find(&self.web, &url, limit).await,
        }
    }

    /// Starts to read an object.
    pub fn start_reading(self: &Arc<Self>, object: Object, part: Part) -> JoinHandle<Result<Vec<u8>, RemoteError>> {
        let inner = Arc::clone(self);
        self.runtime.spawn(async move { inner.read(&object, part).await })
    }

    /// Waits for a download.
    pub fn wait<T>(&self, download: JoinHandle<T>) -> Result<T, JoinError> {
        self.runtime.block_on(download)
    }

    async fn read(&self, object: &Object, part: Part) -> Result<Vec<u8>, RemoteError> {
        let most = self.options.max_bytes;
        if let Some(bytes) = object.bytes.filter(|&bytes| part == Part::Whole && bytes > most) {
            let why = format!("it has {bytes} bytes, more than the limit of {most}");
            return Err(RemoteError::new(Fault::TooLarge, why));
        }
        let mut retry = Retry::new(self.options.retry);
        loop {
            let read = match Address::parse(&object.name)? {
                Address::Store(address) => self.store(&address)?.read(object, part).await,
                Address::Web(_) => self.web.read(object, part, most).await,
                Address::Dicomweb(_) => dicomweb::read(&self.web, object, most).await,
            };
            match read {
                Ok(bytes) => return Ok(bytes),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    /// The bucket of an address, opened once.
    fn store(&self, address: &StoreAddress) -> Result<Store, RemoteError> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (address.kind, address.bucket.clone());
        if let Some(store) = stores.get(&key) {
            return Ok(store.clone());
        }
        let store = Store::open(address.kind, &address.bucket)?;
        stores.insert(key, store.clone());
        Ok(store)
    }
}
