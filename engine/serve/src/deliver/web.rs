//! Results over HTTP: a webhook's JSON, and DICOM objects to a STOW-RS server.

use std::time::Duration;

use ureq::Agent;

use super::Sent;
use crate::rules::Web;

const TIMEOUT: Duration = Duration::from_secs(30);

fn agent(web: &Web) -> Result<Agent, String> {
    // a redirect could send results elsewhere
    let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).max_redirects(0).http_status_as_error(false);
    match &web.ca {
        None => Ok(config.build().into()),
        #[cfg(feature = "tls")]
        Some(ca) => {
            let tls = crate::tls::agent(ca).map_err(|error| error.to_string())?;
            Ok(config.tls_config(tls).https_only(true).build().into())
        }
        #[cfg(not(feature = "tls"))]
        Some(_) => Err(crate::tls::WITHOUT.into()),
    }
}

fn send(web: &Web, headers: &[(&str, &str)], body: &[u8]) -> Result<u16, String> {
    let mut request = agent(web)?.post(&web.url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(path) = &web.authorization_file {
        let value = std::fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        request = request.header("Authorization", value.trim());
    }
    let answer = request.send(body).map_err(|error| error.to_string())?;
    Ok(answer.status().as_u16())
}

/// Posts JSON; `key` is the same for every attempt.
pub fn post(hook: &Web, key: &str, json: &str) -> Result<(), String> {
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
    match send(hook, &headers, json.as_bytes())? {
        200..=299 => Ok(()),
        status => Err(format!("the webhook answered {status}")),
    }
}

/// Stores DICOM objects in one request. 409 is taken as a failure: it says that some were not stored.
pub fn stow(web: &Web, objects: &[Sent]) -> Result<(), String> {
    if objects.is_empty() {
        return Ok(());
    }
    let all: Vec<&[u8]> = objects.iter().map(|sent| sent.bytes.as_slice()).collect();
    // a hash of the bytes is not within them
    let boundary = format!("pleura-{}", &pleura_files::digest::bytes(all.concat())[..32]);
    let mut body = Vec::new();
    for bytes in all {
        body.extend(format!("--{boundary}\r\nContent-Type: application/dicom\r\n\r\n").into_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    let kind = format!("multipart/related; type=\"application/dicom\"; boundary={boundary}");
    let headers = [("Content-Type", kind.as_str()), ("Accept", "application/dicom+json")];
    match send(web, &headers, &body)? {
        200 => Ok(()),
        status => Err(format!("the server answered {status} to STOW-RS")),
    }
}
