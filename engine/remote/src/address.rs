//! The URLs that inputs may be.

use reqwest::Url;

use crate::error::{Fault, RemoteError};

/// The schemes, without `://`.
const SCHEMES: [&str; 7] = ["s3", "gs", "az", "https", "http", "dicomweb+https", "dicomweb+http"];

/// A parsed URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An object, or with a trailing `/` a folder, of an object store.
    Store(StoreAddress),
    /// A file of a web server.
    Web(Url),
    /// A DICOMweb server, with what to search or to retrieve. The scheme is without `dicomweb+`.
    Dicomweb(Url),
}

/// A place in an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAddress {
    pub kind: StoreKind,
    pub bucket: String,
    /// The key as it is, not percent-encoded.
    pub key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreKind {
    S3,
    Google,
    Azure,
}

impl StoreKind {
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

impl Address {
    /// Parses a URL.
    ///
    /// # Errors
    /// If the scheme is unknown, the bucket or host is missing, or credentials are in it.
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        let wrong = |why: String| RemoteError::new(Fault::Address, why);
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let kind = match scheme {
            "s3" => Some(StoreKind::S3),
            "gs" => Some(StoreKind::Google),
            "az" => Some(StoreKind::Azure),
            _ => None,
        };
        if let Some(kind) = kind {
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() || bucket.contains(['@', ':', '?']) {
                return Err(wrong(format!("expected {scheme}://BUCKET/KEY, found the bucket `{bucket}`")));
            }
            return Ok(Self::Store(StoreAddress { kind, bucket: bucket.into(), key: key.into() }));
        }
        if !SCHEMES.contains(&scheme) {
            return Err(wrong(format!("expected a URL of {}, found `{scheme}://`", SCHEMES.join("://, ") + "://")));
        }
        let web = scheme.strip_prefix("dicomweb+");
        let url = Url::parse(&format!("{}://{rest}", web.unwrap_or(scheme))).map_err(|why| wrong(why.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("expected no credentials in the URL: set them in the environment".into()));
        }
        permitted(&url)?;
        Ok(if web.is_some() { Self::Dicomweb(url) } else { Self::Web(url) })
    }
}

/// Refuses images in clear over a network.
fn permitted(url: &Url) -> Result<(), RemoteError> {
    let host = url.host_str().unwrap_or_default();
    let is_loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    let allowed = std::env::var("PLEURA_ALLOW_HTTP").is_ok_and(|it| it == "true" || it == "1");
    if url.scheme() == "https" || is_loopback || allowed {
        return Ok(());
    }
    let why = "http:// sends images unencrypted: use https://, or set PLEURA_ALLOW_HTTP=true";
    Err(RemoteError::new(Fault::Address, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_as_they_are() {
        let store = |kind, bucket: &str, key: &str| {
            Address::Store(StoreAddress { kind, bucket: bucket.into(), key: key.into() })
        };
        let parsed = |text| Address::parse(text).unwrap();
        assert_eq!(parsed("s3://b/a b/%20.png"), store(StoreKind::S3, "b", "a b/%20.png"));
        assert_eq!(parsed("gs://b"), store(StoreKind::Google, "b", ""));
        assert_eq!(parsed("az://c/f/"), store(StoreKind::Azure, "c", "f/"));
        assert!(matches!(parsed("https://h/a?x=1"), Address::Web(url) if url.query() == Some("x=1")));
        assert!(matches!(parsed("dicomweb+http://127.0.0.1:8042/dicom-web"), Address::Dicomweb(_)));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (text, why) in [
            ("ftp://host/a", "found `ftp://`"),
            ("s3:///key", "BUCKET/KEY"),
            ("s3://me:secret@bucket/key", "BUCKET/KEY"),
            ("https://me:secret@host/a", "no credentials"),
            ("http://host.example/a", "unencrypted"),
            ("dicomweb+http://10.0.0.1/a", "unencrypted"),
        ] {
            let message = Address::parse(text).unwrap_err().to_string();
            assert!(message.contains(why), "{text}: {message}");
        }
    }
}
