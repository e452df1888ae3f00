//! Object stores: S3, Google Cloud Storage and Azure Blob Storage, with credentials from the environment.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::HttpError;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientConfigKey, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};

use crate::address::{StoreAddress, StoreKind};
use crate::error::{Fault, RemoteError, chain};
use crate::object::{Object, Part};
use crate::retry::retrying;

/// A bucket.
#[derive(Clone)]
pub struct Store {
    kind: StoreKind,
    bucket: String,
    inner: Arc<dyn ObjectStore>,
}

impl Store {
    /// Opens a bucket. Nothing is sent yet.
    ///
    /// # Errors
    /// If the environment does not say how, or contradicts itself.
    pub fn open(kind: StoreKind, bucket: &str) -> Result<Self, RemoteError> {
        // it retries what fails at once; `retrying` what still fails
        let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: 3, retry_timeout: Duration::from_secs(30) };
        let inner: Result<Arc<dyn ObjectStore>, _> = match kind {
            StoreKind::S3 => {
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
                let set =
                    |builder: AmazonS3Builder, (key, value)| builder.with_config(AmazonS3ConfigKey::Client(key), value);
                timeouts().into_iter().fold(builder, set).build().map(|store| Arc::new(store) as _)
            }
            StoreKind::Google => {
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry);
                let set = |builder: GoogleCloudStorageBuilder, (key, value)| {
                    builder.with_config(GoogleConfigKey::Client(key), value)
                };
                timeouts().into_iter().fold(builder, set).build().map(|store| Arc::new(store) as _)
            }
            StoreKind::Azure => {
                let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket).with_retry(retry);
                let set = |builder: MicrosoftAzureBuilder, (key, value)| {
                    builder.with_config(AzureConfigKey::Client(key), value)
                };
                timeouts().into_iter().fold(builder, set).build().map(|store| Arc::new(store) as _)
            }
        };
        let inner = inner.map_err(|error| RemoteError::new(Fault::Address, error.to_string()))?;
        Ok(Self { kind, bucket: bucket.into(), inner })
    }

    /// The objects of an address: the one of this key, or those below it, in the order of their keys.
    ///
    /// # Errors
    /// If there are none, or the server fails for longer than `limit`.
    pub async fn find(&self, address: &StoreAddress, limit: Duration) -> Result<Vec<Object>, RemoteError> {
        let key = address.key.trim_end_matches('/');
        let path = Path::parse(key).map_err(|error| RemoteError::new(Fault::Address, error.to_string()))?;
        if !key.is_empty() && key.len() == address.key.len() {
            match retrying(limit, async || self.inner.head(&path).await.map_err(remote)).await {
                Ok(found) => return Ok(vec![self.object(&found)]),
                // a folder, written without its slash
                Err(error) if error.fault() == Fault::Missing => {}
                Err(error) => return Err(error),
            }
        }
        let mut found = self.list(&path, limit).await?;
        if found.is_empty() {
            return Err(RemoteError::new(Fault::Missing, "there is no such object, nor one below it"));
        }
        found.sort_by(|left, right| left.name.split('/').cmp(right.name.split('/')));
        Ok(found)
    }

    /// The objects below a prefix. After a fault it goes on behind the last one, instead of from the start.
    async fn list(&self, prefix: &Path, limit: Duration) -> Result<Vec<Object>, RemoteError> {
        let mut found: Vec<Object> = Vec::new();
        let mut last = Path::default();
        loop {
            let before = found.len();
            let is_end = retrying(limit, async || {
                let mut listed = self.inner.list_with_offset(Some(prefix), &last);
                loop {
                    match listed.try_next().await {
                        Ok(Some(meta)) => {
                            found.push(self.object(&meta));
                            last = meta.location;
                        }
                        Ok(None) => return Ok(true),
                        // pages have arrived: that counts as a new beginning
                        Err(error) if found.len() > before && classify(&error).is_transient() => return Ok(false),
                        Err(error) => return Err(remote(error)),
                    }
                }
            })
            .await?;
            if is_end {
                return Ok(found);
            }
        }
    }

    /// Reads an object, if it is still the one that was listed.
    ///
    /// # Errors
    /// As [`RemoteError`] says.
    pub async fn read(&self, object: &Object, part: Part) -> Result<Vec<u8>, RemoteError> {
        let wanted = part.of(object.bytes.unwrap_or_default());
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let path = Path::parse(self.key(object)).map_err(|e| RemoteError::new(Fault::Address, e.to_string()))?;
        let strong = object.tag.as_ref().filter(|tag| !tag.starts_with("W/")).map(|tag| format!("\"{tag}\""));
        let range = (part != Part::Whole).then_some(GetRange::Bounded(0..wanted));
        let options = GetOptions { if_match: strong, range, ..GetOptions::default() };
        let found = self.inner.get_opts(&path, options).await.map_err(remote)?;
        same(object, &self.object(&found.meta))?;
        let bytes = found.bytes().await.map_err(remote)?;
        complete(wanted, bytes.len() as u64)?;
        Ok(bytes.into())
    }

    fn key<'o>(&self, object: &'o Object) -> &'o str {
        // the name is made of scheme, bucket and key
        &object.name[self.kind.scheme().len() + "://".len() + self.bucket.len() + 1..]
    }

    fn object(&self, meta: &ObjectMeta) -> Object {
        let name = format!("{}://{}/{}", self.kind.scheme(), self.bucket, meta.location);
        let modified = meta.last_modified.timestamp_nanos_opt();
        // Azure quotes ETags in headers, and not in lists
        let tag = meta.e_tag.as_ref().map(|tag| tag.trim_matches('"').to_owned());
        Object { bytes: Some(meta.size), modified, tag, ..Object::new(name) }
    }
}

/// A connection is given up if nothing arrives; a large object on a slow line may take its time.
fn timeouts() -> [(ClientConfigKey, &'static str); 2] {
    [(ClientConfigKey::ReadTimeout, "30s"), (ClientConfigKey::Timeout, "1h")]
}

/// Compares an object with what was listed. Times are left out: some servers give them in another precision.
pub fn same(listed: &Object, found: &Object) -> Result<(), RemoteError> {
    let changed = |what: &str, then: String, now: String| {
        Err(RemoteError::new(
            Fault::Changed,
            format!("it changed since it was listed: its {what} was {then}, is {now}"),
        ))
    };
    match (listed.bytes, found.bytes) {
        (Some(then), Some(now)) if then != now => {
            return changed("length", format!("{then} bytes"), format!("{now} bytes"));
        }
        _ => {}
    }
    match (&listed.tag, &found.tag) {
        (Some(then), Some(now)) if then != now => changed("version", then.clone(), now.clone()),
        _ => Ok(()),
    }
}

/// Compares the length of what arrived.
pub fn complete(expected: u64, found: u64) -> Result<(), RemoteError> {
    match expected == found {
        true => Ok(()),
        false => Err(RemoteError::new(
            Fault::Network,
            format!("the response ended early: expected {expected} bytes, found {found}"),
        )),
    }
}

fn remote(error: object_store::Error) -> RemoteError {
    classify(&error)
}

/// What an error of the library means. The HTTP status is only in its text.
fn classify(error: &object_store::Error) -> RemoteError {
    use object_store::Error as E;

    let text = error.to_string();
    if let Some(status) = status_in(&text) {
        return RemoteError::of_status(status, &text);
    }
    let line = text.lines().next().unwrap_or_default();
    match error {
        E::NotFound { .. } => RemoteError::of_status(404, &text),
        E::Precondition { .. } => RemoteError::of_status(412, &text),
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => RemoteError::of_status(403, &text),
        E::InvalidPath { .. } | E::UnknownConfigurationKey { .. } => RemoteError::new(Fault::Address, line),
        E::NotSupported { .. } | E::NotImplemented { .. } => RemoteError::new(Fault::Answer, line),
        _ => {
            match chain(error).find(|cause| cause.is::<HttpError>()) {
                Some(cause) => RemoteError::of_transport(cause),
                // a list that ends in the middle, a credential that cannot be fetched
                None => RemoteError::new(Fault::Network, line),
            }
        }
    }
}

/// The status in `Server returned non-2xx status code: 503 Service Unavailable: …`.
fn status_in(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(bytes: u64, tag: &str) -> Object {
        Object { bytes: Some(bytes), tag: Some(tag.into()), ..Object::new("s3://b/k".into()) }
    }

    #[test]
    fn another_length_or_version_is_another_object() {
        let listed = object(3, "a");
        assert!(same(&listed, &object(3, "a")).is_ok());
        assert!(same(&listed, &Object::new("s3://b/k".into())).is_ok(), "a server that says nothing");
        for (found, what) in
            [(object(4, "a"), "length was 3 bytes, is 4 bytes"), (object(3, "b"), "version was a, is b")]
        {
            let error = same(&listed, &found).unwrap_err();
            assert_eq!(error.fault(), Fault::Changed);
            assert!(error.to_string().contains(what), "{error}");
        }
        assert!(complete(3, 3).is_ok());
        assert!(complete(3, 2).unwrap_err().is_transient());
    }

    #[test]
    fn the_status_is_in_the_text() {
        let text = "Generic S3 error: Error performing GET http://x in 1s, after 3 retries - Server returned non-2xx \
                    status code: 503 Service Unavailable: <Code>SlowDown</Code>";
        assert_eq!(status_in(text), Some(503));
        assert_eq!(status_in("error decoding response body"), None);
    }
}
