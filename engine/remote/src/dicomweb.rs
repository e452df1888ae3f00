//! DICOMweb: searches a server (QIDO-RS), and retrieves instances (WADO-RS).
//!
//! An address is the server's root, and what to search below it:
//!
//! | address | objects |
//! |---|---|
//! | `ROOT` or `ROOT/studies?QUERY` | all instances of the studies that match |
//! | `ROOT/instances?QUERY` | the instances that match |
//! | `ROOT/studies/UID?QUERY`, `ROOT/studies/UID/series/UID?QUERY` | the instances of a study or series that match |
//! | `ROOT/studies/UID/series/UID/instances/UID` | one instance |

mod multipart;

use std::collections::HashSet;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use crate::error::{Fault, RemoteError};
use crate::object::Object;
use crate::retry::retrying;
use crate::web::{Web, accepting, authorization, bounded};

/// Instances that are asked for at once.
const PAGE: usize = 1000;
/// The largest answer to a search, in bytes.
const MOST: u64 = 1 << 28;
/// The attributes that a search must give.
const STUDY: &str = "0020000D";
const SERIES: &str = "0020000E";
const CLASS: &str = "00080016";
const INSTANCE: &str = "00080018";
/// SOP classes without pixels: waveforms, presentation states, structured reports, encapsulated documents.
const WITHOUT_PIXELS: [&str; 4] = [
    "1.2.840.10008.5.1.4.1.1.9.",
    "1.2.840.10008.5.1.4.1.1.11.",
    "1.2.840.10008.5.1.4.1.1.88.",
    "1.2.840.10008.5.1.4.1.1.104.",
];
const ANY_SYNTAX: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";

/// The parts of an address.
struct Search {
    root: String,
    /// Below the root: `studies/1.2/series/1.3`.
    below: Vec<String>,
    query: Option<String>,
}

impl Search {
    fn new(url: &Url) -> Self {
        let mut whole = url.clone();
        whole.set_query(None);
        whole.set_fragment(None);
        let text = whole.as_str().trim_end_matches('/').to_owned();
        let words: Vec<&str> = text.split('/').collect();
        let is_start = |word: &&str| ["studies", "instances"].contains(word);
        let at = words.iter().position(is_start).unwrap_or(words.len());
        let (root, below) = words.split_at(at);
        let below = below.iter().map(|&word| word.to_owned()).collect();
        Self { root: root.join("/"), below, query: url.query().map(str::to_owned) }
    }
}

/// The instances of an address, in the order of their names.
///
/// # Errors
/// If the server has none, or fails for longer than `limit`.
pub async fn find(web: &Web, url: &Url, limit: Duration) -> Result<Vec<Object>, RemoteError> {
    let search = Search::new(url);
    let below: Vec<&str> = search.below.iter().map(String::as_str).collect();
    let mut found = match below[..] {
        ["studies", _, "series", _, "instances", instance] => vec![named(&search.root, &below.join("/"), instance)],
        [] | ["studies"] => {
            let mut found = Vec::new();
            for study in pages(web, &search, "studies", STUDY, limit).await? {
                let study = uid(&study, STUDY)?;
                let search = Search { query: None, root: search.root.clone(), below: Vec::new() };
                let path = format!("studies/{study}");
                found.extend(instances(web, &search, &path, &[Some(study), None], limit).await?);
            }
            found
        }
        ["instances"] => instances(web, &search, "", &[None, None], limit).await?,
        ["studies", study] => instances(web, &search, &below.join("/"), &[Some(study.into()), None], limit).await?,
        ["studies", study, "series", series] => {
            let known = [Some(study.into()), Some(series.into())];
            instances(web, &search, &below.join("/"), &known, limit).await?
        }
        _ => {
            let why = format!(
                "expected ROOT, ROOT/studies, ROOT/instances, ROOT/studies/UID or ROOT/studies/UID/series/UID, found \
                 `{}` after the root",
                below.join("/")
            );
            return Err(RemoteError::new(Fault::Address, why));
        }
    };
    if found.is_empty() {
        return Err(RemoteError::new(Fault::Missing, "the server lists no instance with pixels for it"));
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

/// The instances below a path; `known` has the UIDs of its study and series.
async fn instances(
    web: &Web,
    search: &Search,
    path: &str,
    known: &[Option<String>; 2],
    limit: Duration,
) -> Result<Vec<Object>, RemoteError> {
    let path = format!("{path}/instances");
    let mut found = Vec::new();
    for listed in pages(web, search, path.trim_start_matches('/'), INSTANCE, limit).await? {
        let class = value(&listed, CLASS).unwrap_or_default();
        if WITHOUT_PIXELS.iter().any(|prefix| class.starts_with(prefix)) {
            continue;
        }
        let [study, series] = known;
        let study = study.clone().map_or_else(|| uid(&listed, STUDY), Ok)?;
        let series = series.clone().map_or_else(|| uid(&listed, SERIES), Ok)?;
        let instance = uid(&listed, INSTANCE)?;
        found.push(named(&search.root, &format!("studies/{study}/series/{series}/instances/{instance}"), &instance));
    }
    Ok(found)
}

/// The object of an instance. DICOM allows no two objects with one UID: the UID is the version, too.
fn named(root: &str, path: &str, instance: &str) -> Object {
    let (id, tag) = (Some(instance.to_owned()), Some(instance.to_owned()));
    Object { id, tag, ..Object::new(format!("dicomweb+{root}/{path}")) }
}

/// All answers to a search, page by page; `key` is the attribute that tells them apart.
async fn pages(web: &Web, search: &Search, path: &str, key: &str, limit: Duration) -> Result<Vec<Value>, RemoteError> {
    let query = search.query.as_deref();
    // a limit or an offset of the user's own is a single page
    let is_single =
        query.is_some_and(|query| query.split('&').any(|it| it.starts_with("limit=") || it.starts_with("offset=")));
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    loop {
        let mut words: Vec<String> = query.map(str::to_owned).into_iter().collect();
        if !is_single {
            words.push(format!("limit={PAGE}&offset={}", found.len()));
        }
        let url = format!("{}/{path}?{}", search.root, words.join("&"));
        let url = Url::parse(&url).map_err(|error| RemoteError::new(Fault::Address, error.to_string()))?;
        let page = retrying(limit, async || page(web, url.clone()).await).await?;
        let before = found.len();
        for listed in page {
            if seen.insert(uid(&listed, key)?) {
                found.push(listed);
            }
        }
        // a server may give fewer than asked for, or know no offset
        if is_single || found.len() == before {
            return Ok(found);
        }
    }
}

/// One answer of a search.
async fn page(web: &Web, url: Url) -> Result<Vec<Value>, RemoteError> {
    let authorization = authorization();
    let response = web.get(url, &accepting("application/dicom+json", authorization.as_deref())).await?;
    // no content
    if response.status().as_u16() == 204 {
        return Ok(Vec::new());
    }
    let bytes = bounded(response, MOST).await?;
    let wrong = |error: serde_json::Error| {
        RemoteError::new(Fault::Answer, format!("expected DICOM JSON as the answer to the search: {error}"))
    };
    if bytes.is_empty() { Ok(Vec::new()) } else { serde_json::from_slice(&bytes).map_err(wrong) }
}

/// The first value of an attribute.
fn value<'v>(listed: &'v Value, tag: &str) -> Option<&'v str> {
    listed.get(tag)?.get("Value")?.get(0)?.as_str()
}

/// A UID of an answer, which becomes a part of a URL.
fn uid(listed: &Value, tag: &str) -> Result<String, RemoteError> {
    let found = value(listed, tag).unwrap_or_default().trim_end_matches('\0');
    let is_uid =
        !found.is_empty() && found.len() <= 64 && found.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    match is_uid {
        true => Ok(found.to_owned()),
        false => {
            Err(RemoteError::new(Fault::Answer, format!("expected a UID as ({tag}) of a search, found `{found}`")))
        }
    }
}

/// Retrieves an instance.
///
/// # Errors
/// As [`RemoteError`] says; if the answer has not exactly one instance.
pub async fn read(web: &Web, object: &Object, most: u64) -> Result<Vec<u8>, RemoteError> {
    let url = object.name.strip_prefix("dicomweb+").unwrap_or(&object.name);
    let url = Url::parse(url).map_err(|error| RemoteError::new(Fault::Address, error.to_string()))?;
    let authorization = authorization();
    let response = web.get(url, &accepting(ANY_SYNTAX, authorization.as_deref())).await?;
    let media =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    multipart::only(bounded(response, most).await?, &media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_root_and_what_is_below() {
        for (text, root, below, query) in [
            ("https://h/dicom-web", "https://h/dicom-web", "", None),
            ("https://h/dicom-web/", "https://h/dicom-web", "", None),
            ("https://h/a/studies?PatientID=1", "https://h/a", "studies", Some("PatientID=1")),
            ("https://h/a/studies/1.2/series/3", "https://h/a", "studies/1.2/series/3", None),
            ("https://h/instances?Modality=DX", "https://h", "instances", Some("Modality=DX")),
        ] {
            let search = Search::new(&Url::parse(text).unwrap());
            assert_eq!((search.root.as_str(), search.below.join("/").as_str()), (root, below), "{text}");
            assert_eq!(search.query.as_deref(), query, "{text}");
        }
    }

    #[test]
    fn uids_become_parts_of_a_url_only_if_they_are_such() {
        let listed = serde_json::json!({ "0020000D": { "vr": "UI", "Value": ["1.2.3"] }, "00080018": { "vr": "UI" },
            "0020000E": { "vr": "UI", "Value": ["../../x"] } });
        assert_eq!(uid(&listed, STUDY).unwrap(), "1.2.3");
        for tag in [SERIES, INSTANCE] {
            assert_eq!(uid(&listed, tag).unwrap_err().fault(), Fault::Answer);
        }
    }
}
