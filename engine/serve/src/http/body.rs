//! Bodies of requests, read within limits: one file, a multipart message, or JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt, TryStreamExt};
use http_body_util::BodyStream;
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::error::Refusal;
use crate::inbox::{Received, Said};
use crate::node::Node;

/// Bytes a second that a sender has to reach.
const SLOWEST: u64 = 4096;

/// The most objects of one request.
const MOST: usize = 1000;

/// What came of each object of a request, in order.
pub type Taken = Vec<Result<Received, Refusal>>;

/// Why a whole request is not taken.
pub enum Fault {
    /// It is not what this path takes.
    Kind(String),
    /// Its body is broken, or its sender was silent for too long.
    Broken(String),
}

/// Who sends what.
#[derive(Clone, Copy)]
pub struct Sender<'a> {
    pub node: &'a Arc<Node>,
    pub origin: &'a str,
    /// Whether only DICOM objects in a multipart message are taken.
    pub stow: bool,
    /// The study that they must be of.
    pub study: Option<&'a str>,
}

/// One image in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    name: String,
    data: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Images {
    images: Vec<Image>,
}

impl Sender<'_> {
    /// Takes every object of a request.
    pub async fn take(self, request: Request<Incoming>) -> Result<Taken, Fault> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("").to_owned();
        let main = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let body = limited(self.node, request.into_body());
        match main.as_str() {
            "multipart/related" => self.multipart(&kind, body).await,
            _ if self.stow => Err(Fault::Kind("expected multipart/related; type=\"application/dicom\"".into())),
            "multipart/form-data" => self.multipart(&kind, body).await,
            "application/json" => self.json(body).await,
            "application/dicom" | "image/png" | "image/jpeg" | "application/octet-stream" => {
                let name = match main.as_str() {
                    "image/png" => Some("image.png"),
                    "image/jpeg" => Some("image.jpg"),
                    _ => None,
                };
                Ok(vec![self.file(body, name).await?])
            }
            _ => Err(Fault::Kind(
                "expected application/dicom, image/png, image/jpeg, multipart/form-data, multipart/related or \
                 application/json"
                    .into(),
            )),
        }
    }

    async fn multipart(
        self,
        kind: &str,
        body: impl Stream<Item = Result<Bytes, String>> + Send,
    ) -> Result<Taken, Fault> {
        let boundary = boundary(kind).ok_or_else(|| Fault::Kind("the multipart message has no boundary".into()))?;
        let body = body.map_err(std::io::Error::other);
        let mut parts =
            multer::Multipart::new(Box::pin(body) as std::pin::Pin<Box<dyn Stream<Item = _> + Send>>, boundary);
        let mut taken = Vec::new();
        while let Some(part) = parts.next_field().await.map_err(|error| Fault::Broken(error.to_string()))? {
            if taken.len() == MOST {
                return Err(Fault::Broken(format!("a request has at most {MOST} objects")));
            }
            let dicom = part.content_type().is_some_and(|kind| kind.essence_str() == "application/dicom");
            if self.stow && !dicom {
                return Err(Fault::Kind("expected parts of type application/dicom".into()));
            }
            let name = (!dicom).then(|| part.file_name().unwrap_or("image").to_owned());
            let bytes = part.map_err(|error| error.to_string());
            taken.push(self.file(bytes, name.as_deref()).await?);
        }
        if taken.is_empty() {
            return Err(Fault::Broken("the multipart message has no parts".into()));
        }
        Ok(taken)
    }

    async fn json(self, body: impl Stream<Item = Result<Bytes, String>> + Send) -> Result<Taken, Fault> {
        let bytes: Vec<Bytes> = body.try_collect().await.map_err(Fault::Broken)?;
        let images: Images =
            serde_json::from_slice(&bytes.concat()).map_err(|error| Fault::Broken(format!("as JSON: {error}")))?;
        let mut taken = Vec::new();
        for Image { name, data } in images.images {
            let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, data)
                .map_err(|error| Fault::Broken(format!("images[{}].data: {error}", taken.len())))?;
            let once = futures_util::stream::iter([Ok(Bytes::from(bytes))]);
            taken.push(self.file(once, Some(&name)).await?);
        }
        Ok(taken)
    }

    /// Takes one file. The outer error ends the request: its body cannot be read on.
    async fn file(
        self,
        bytes: impl Stream<Item = Result<Bytes, String>> + Send,
        name: Option<&str>,
    ) -> Result<Result<Received, Refusal>, Fault> {
        let mut bytes = std::pin::pin!(bytes);
        let mut part = self.node.inbox.begin();
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(Fault::Broken)?;
            // after a refusal, the rest is read and dropped
            if let Ok(open) = &mut part
                && let Err(refusal) = open.write(&piece)
            {
                part = Err(refusal);
            }
        }
        let said = Said { origin: self.origin, name, uid: None, study: self.study, strict: self.stow };
        // the disk is waited for; other requests go on
        let outcome = tokio::task::block_in_place(|| part.and_then(|part| part.commit(&said)));
        self.node.took(if self.stow { "STOW-RS" } else { "predict" }, self.origin, &outcome);
        Ok(outcome)
    }
}

/// A body's bytes, up to the limit, each piece in time.
fn limited(node: &Node, body: Incoming) -> impl Stream<Item = Result<Bytes, String>> + Send + use<> {
    let (most, timeout): (u64, Duration) = (node.config.max_body, node.config.timeout);
    let frames = BodyStream::new(body).map_err(|error| error.to_string());
    let pieces = frames.try_filter_map(|frame| async move { Ok(frame.into_data().ok()) });
    let begun = Instant::now();
    futures_util::stream::unfold((Box::pin(pieces), 0_u64, false), move |(mut pieces, read, ended)| async move {
        if ended {
            return None;
        }
        let piece = match tokio::time::timeout(timeout, pieces.next()).await {
            Err(_) => Err("the sender was silent for too long".to_owned()),
            Ok(None) => return None,
            Ok(Some(piece)) => piece,
        };
        let read = read + piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let piece = piece.and_then(|piece| {
            if read > most {
                return Err(format!("is larger than {most} bytes (`--max-body`)"));
            }
            // a byte now and then would hold a place for ever
            let pace = Duration::from_secs(read / SLOWEST);
            if begun.elapsed() > timeout + pace { Err("its sender is too slow".to_owned()) } else { Ok(piece) }
        });
        let ended = piece.is_err();
        Some((piece, (pieces, read, ended)))
    })
}

/// The boundary of a multipart message.
fn boundary(kind: &str) -> Option<String> {
    kind.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case("boundary") && (1..=70).contains(&value.len())).then(|| value.to_owned())
    })
}
