//! The HTTP side: STOW-RS, `POST /predict`, results, health, metrics and a page.

mod answers;
mod body;
mod page;
mod take;

use std::convert::Infallible;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

use crate::node::Node;

/// An answer; bodies are small or bounded.
type Answer = Response<Full<Bytes>>;

/// Bytes of a request's line and headers.
const HEADERS: usize = 1 << 16;

/// Answers requests until the node stops.
pub fn run(node: &Arc<Node>, listener: TcpListener) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => {
            if let Err(error) = runtime.block_on(accept(node, listener)) {
                tracing::error!("HTTP ended: {error}");
            }
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
        Err(error) => tracing::error!("cannot start HTTP: {error}"),
    }
}

async fn accept(node: &Arc<Node>, listener: TcpListener) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(node.config.max_associations));
    while node.goes_on() {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // beyond the limit, a connection is closed: its sender tries again
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let node = Arc::clone(node);
        tokio::spawn(async move {
            let host = peer.ip().to_canonical();
            match &node.tls {
                None => talk(&node, host, stream).await,
                #[cfg(feature = "tls")]
                Some(tls) => {
                    let handshake = tokio_rustls::TlsAcceptor::from(Arc::clone(tls)).accept(stream);
                    // a peer that is silent or speaks no TLS is left
                    if let Ok(Ok(stream)) = tokio::time::timeout(node.config.timeout, handshake).await {
                        talk(&node, host, stream).await;
                    }
                }
                #[cfg(not(feature = "tls"))]
                Some(never) => match *never {},
            }
            drop(place);
        });
    }
    Ok(())
}

/// Answers a connection's requests.
async fn talk(node: &Arc<Node>, host: IpAddr, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let answer = service_fn(|request| respond(Arc::clone(node), host, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(node.config.timeout)
        .max_buf_size(HEADERS)
        .serve_connection(TokioIo::new(stream), answer);
    let _ = connection.await;
}

async fn respond(node: Arc<Node>, host: IpAddr, request: Request<Incoming>) -> Result<Answer, Infallible> {
    node.counters.requests.fetch_add(1, Ordering::Relaxed);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = match refused(&node, &path, &request) {
        Some(answer) => answer,
        None => route(&node, host, request, &method, &path).await,
    };
    // a path may hold a UID, never a name: senders' file names are in bodies
    let status = answer.status().as_u16();
    tracing::info!(target: "pleura_serve::audit", by = "http", origin = %host, %method, path = audited(&path), status);
    Ok(answer)
}

/// The path without what a client made up.
fn audited(path: &str) -> &str {
    ["/studies", "/predict", "/results", "/health", "/metrics"]
        .into_iter()
        .find(|known| path.starts_with(known))
        .unwrap_or(if path == "/" { "/" } else { "(other)" })
}

async fn route(node: &Arc<Node>, host: IpAddr, request: Request<Incoming>, method: &Method, path: &str) -> Answer {
    match (method, path) {
        (&Method::GET, "/") => page::show(node),
        (&Method::GET, "/health") => answers::health(node),
        (&Method::GET, "/metrics") => answers::metrics(node),
        (&Method::GET, "/results") => answers::results(node),
        (&Method::GET, path) if path.starts_with("/results/") => answers::result(node, &path["/results/".len()..]),
        (&Method::POST, "/predict") => take::predict(node, host, request).await,
        (&Method::POST, "/studies") => take::stow(node, host, request, None).await,
        (&Method::POST, path) if path.starts_with("/studies/") => {
            take::stow(node, host, request, path.strip_prefix("/studies/")).await
        }
        (_, "/" | "/health" | "/metrics" | "/results" | "/predict" | "/studies") => {
            answers::fault(StatusCode::METHOD_NOT_ALLOWED, "this path has another method")
        }
        _ => answers::fault(StatusCode::NOT_FOUND, "there is no such path"),
    }
}

/// Why a request is not answered: it lacks the token, or a page of another site sent it.
fn refused(node: &Node, path: &str, request: &Request<Incoming>) -> Option<Answer> {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = header(HOST).unwrap_or_default();
    if let Some(origin) = header(ORIGIN)
        && origin.split_once("://").is_none_or(|(_, site)| site != host)
    {
        return Some(answers::fault(StatusCode::FORBIDDEN, "requests of other sites' pages are refused"));
    }
    let Some(token) = &node.config.token else {
        // a name that a stranger resolves to this machine would be another site's page
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
        let local = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let fault = || answers::fault(StatusCode::FORBIDDEN, "without a token, use the name localhost");
        return (!local).then(fault);
    };
    if path == "/health" || header(AUTHORIZATION).is_some_and(|given| holds(given, token)) {
        return None;
    }
    let mut answer = answers::fault(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
    answer
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"pleura\", charset=\"UTF-8\""));
    Some(answer)
}

/// Whether `Authorization` has the token. Hashes are compared, so that the time taken says nothing about the token.
fn holds(given: &str, token: &str) -> bool {
    let (scheme, value) = given.split_once(' ').unwrap_or((given, ""));
    let value = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => value.trim().to_owned(),
        "basic" => {
            let decoded = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, value.trim()).unwrap_or_default();
            let text = String::from_utf8(decoded).unwrap_or_default();
            text.split_once(':').map(|(_, password)| password.to_owned()).unwrap_or_default()
        }
        _ => return false,
    };
    Sha256::digest(value) == Sha256::digest(token)
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn a_token_is_a_bearers_or_a_password() {
        assert!(holds("Bearer secret", "secret"));
        assert!(holds("basic dTpzZWNyZXQ=", "secret"));
        for wrong in ["Bearer secre", "Bearer ", "secret", "Basic secret", "Digest secret", "Bearer secret2"] {
            assert!(!holds(wrong, "secret"), "{wrong}");
        }
    }
}
