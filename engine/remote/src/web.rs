//! Files of web servers, and what DICOMweb shares with them: requests whose answers are complete or an error.

use std::time::{Duration, SystemTime};

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_MATCH, LAST_MODIFIED, RANGE,
    RETRY_AFTER, TRANSFER_ENCODING,
};
use reqwest::{Client, Response, StatusCode, Url, Version};

use crate::error::{Fault, RemoteError};
use crate::object::{Object, Part};
use crate::store::{complete, same};

/// The pause after which a connection is given up, while nothing arrives.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes of an error document that are read.
const SAID: usize = 1 << 12;

/// A client for web servers.
#[derive(Clone)]
pub struct Web {
    /// Follows redirects to `https://` only.
    secure: Client,
    /// For `http://` on loopback.
    plain: Client,
}

impl Web {
    /// A client.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub fn new() -> Result<Self, RemoteError> {
        let client = |secure| {
            let builder = Client::builder().https_only(secure).connect_timeout(SILENCE).read_timeout(SILENCE);
            let builder = builder.user_agent(concat!("pleura/", env!("CARGO_PKG_VERSION")));
            builder.build().map_err(|error| RemoteError::new(Fault::Address, error.to_string()))
        };
        Ok(Self { secure: client(true)?, plain: client(false)? })
    }

    /// Sends a GET request; the answer has a status of success.
    ///
    /// # Errors
    /// If it has not, or none arrives.
    pub async fn get(&self, url: Url, headers: &[(HeaderName, &str)]) -> Result<Response, RemoteError> {
        let client = if url.scheme() == "https" { &self.secure } else { &self.plain };
        let request = headers.iter().fold(client.get(url), |request, (name, value)| request.header(name, *value));
        let response = request.send().await.map_err(|error| RemoteError::of_transport(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = header(response.headers(), &RETRY_AFTER).and_then(|text| text.parse().ok());
        let mut error = RemoteError::of_status(status.as_u16(), &said(response).await);
        error.after = after.map(Duration::from_secs);
        Err(error)
    }

    /// The object of a URL.
    ///
    /// # Errors
    /// If the server does not have it.
    pub async fn find(&self, url: &Url) -> Result<Object, RemoteError> {
        // not a HEAD request: a signed URL is signed for one method
        let headers = [(RANGE, "bytes=0-0")];
        let response = match self.get(url.clone(), &headers).await {
            // an empty file has no first byte
            Err(error) if error.to_string().contains(" 416") => self.get(url.clone(), &[]).await?,
            other => other?,
        };
        let mut named = url.clone();
        named.set_query(None);
        named.set_fragment(None);
        let object = Object { query: url.query().map(str::to_owned), ..Object::new(named.into()) };
        Ok(described(object, &response))
    }

    /// Reads an object, if it is still the one that was found.
    ///
    /// # Errors
    /// As [`RemoteError`] says.
    pub async fn read(&self, object: &Object, part: Part, limit: u64) -> Result<Vec<u8>, RemoteError> {
        let mut url = Url::parse(&object.name).map_err(|error| RemoteError::new(Fault::Address, error.to_string()))?;
        url.set_query(object.query.as_deref());
        let range = match (part, object.bytes) {
            (Part::Start(most), bytes) if bytes != Some(0) => Some(format!("bytes=0-{}", most.saturating_sub(1))),
            _ => None,
        };
        let strong = object.tag.as_deref().filter(|tag| !tag.starts_with("W/"));
        let mut headers: Vec<(HeaderName, &str)> = Vec::new();
        headers.extend(range.as_deref().map(|range| (RANGE, range)));
        headers.extend(strong.map(|tag| (IF_MATCH, tag)));
        let response = self.get(url, &headers).await?;
        same(object, &described(Object::new(object.name.clone()), &response))?;
        let bytes = match part {
            Part::Whole => bounded(response, limit).await?,
            Part::Start(most) => body(response, most).await?,
        };
        object.bytes.map_or(Ok(()), |length| complete(part.of(length), bytes.len() as u64))?;
        Ok(bytes)
    }
}

/// The headers of credentials for DICOMweb, from the environment: `DICOMWEB_TOKEN`, or `DICOMWEB_USER` and
/// `DICOMWEB_PASSWORD`.
pub fn authorization() -> Option<String> {
    use base64::Engine;

    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let basic = || {
        let (user, password) = (variable("DICOMWEB_USER")?, variable("DICOMWEB_PASSWORD").unwrap_or_default());
        Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))))
    };
    variable("DICOMWEB_TOKEN").map(|token| format!("Bearer {token}")).or_else(basic)
}

/// The headers of a request for a media type.
pub fn accepting<'h>(media: &'h str, authorization: Option<&'h str>) -> Vec<(HeaderName, &'h str)> {
    let credentials = authorization.map(|text| (AUTHORIZATION, text));
    [(ACCEPT, media)].into_iter().chain(credentials).collect()
}

/// The body of a response, or its first `most` bytes.
///
/// # Errors
/// If it ends early, or its end cannot be told from a lost connection.
pub async fn body(mut response: Response, most: u64) -> Result<Vec<u8>, RemoteError> {
    let headers = response.headers();
    let delimited = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    if response.version() <= Version::HTTP_11 && !delimited {
        return Err(RemoteError::new(Fault::Answer, "the server does not state the length of its answer"));
    }
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < most
        && let Some(chunk) = response.chunk().await.map_err(|error| RemoteError::of_transport(&error))?
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(bytes)
}

/// The whole body of a response.
///
/// # Errors
/// As [`body`], and if it has more than `limit` bytes.
pub async fn bounded(response: Response, limit: u64) -> Result<Vec<u8>, RemoteError> {
    let bytes = body(response, limit.saturating_add(1)).await?;
    match bytes.len() as u64 > limit {
        true => Err(RemoteError::new(Fault::TooLarge, format!("it has more than the limit of {limit} bytes"))),
        false => Ok(bytes),
    }
}

/// Adds what a response's headers say of an object.
fn described(object: Object, response: &Response) -> Object {
    let headers = response.headers();
    let whole = match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            header(headers, &CONTENT_RANGE).and_then(|range| range.rsplit_once('/')?.1.parse().ok())
        }
        _ => header(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok()),
    };
    let modified = header(headers, &LAST_MODIFIED).and_then(|text| httpdate::parse_http_date(text).ok());
    let nanoseconds =
        |time: SystemTime| i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos()).ok();
    let tag = header(headers, &ETAG).map(str::to_owned);
    Object { bytes: whole, modified: modified.and_then(nanoseconds), tag, ..object }
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The start of an error document.
async fn said(mut response: Response) -> String {
    let mut said = Vec::new();
    while said.len() < SAID
        && let Ok(Some(chunk)) = response.chunk().await
    {
        said.extend_from_slice(&chunk);
    }
    String::from_utf8_lossy(&said).into_owned()
}
