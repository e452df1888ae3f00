//! Why an object cannot be had.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The URL is malformed, or cannot be used as given.
    Address,
    /// There is no such object, bucket or server path.
    Missing,
    /// The server refuses: credentials are missing, wrong, or do not suffice.
    Denied,
    /// The object is not the one that was listed: another length or version.
    Changed,
    /// The object is larger than allowed.
    TooLarge,
    /// The server's answer is not one that its protocol allows.
    Answer,
    /// The server or the network failed, again and again; another try may succeed.
    Network,
}

/// An error, with what to do next. It does not repeat the object's name.
#[derive(Debug, Clone)]
pub struct RemoteError {
    fault: Fault,
    message: String,
    /// The pause that the server asks for.
    pub(crate) after: Option<Duration>,
}

impl RemoteError {
    pub(crate) fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), after: None }
    }

    /// The error of a response's HTTP status; `said` is its body.
    pub(crate) fn of_status(status: u16, said: &str) -> Self {
        let fault = match status {
            404 | 410 => Fault::Missing,
            401 | 403 | 407 => Fault::Denied,
            412 => Fault::Changed,
            408 | 425 | 429 | 500.. => Fault::Network,
            _ => Fault::Answer,
        };
        let code = reason_in(said).map_or(String::new(), |code| format!(" ({code})"));
        let next = match fault {
            Fault::Missing => "it does not exist: the server answers 404",
            Fault::Denied => "the server refuses access: check the credentials in the environment; it answers",
            Fault::Changed => "it changed since it was listed: the server answers",
            _ => "the server answers",
        };
        match fault {
            Fault::Missing => Self::new(fault, format!("{next}{code}")),
            _ => Self::new(fault, format!("{next} {status}{code}")),
        }
    }

    /// The error of a connection: the innermost causes say what happened.
    pub(crate) fn of_transport(error: &(dyn Error + 'static)) -> Self {
        let causes: Vec<String> = chain(error).map(text).collect();
        let mut told: Vec<&String> = Vec::new();
        for cause in causes.iter().rev().take(2).rev() {
            if !told.iter().any(|earlier| earlier.contains(cause.as_str())) {
                told.push(cause);
            }
        }
        let told: Vec<&str> = told.iter().map(|cause| cause.as_str()).collect();
        Self::new(Fault::Network, format!("the connection failed: {}", told.join(": ")))
    }

    /// The kind of the fault.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// Whether another try may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.fault == Fault::Network
    }
}

/// An error and its causes.
pub fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let now = next?;
        next = now.source();
        Some(now)
    })
}

/// The first line of an error's text.
fn text(error: &(dyn Error + 'static)) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// The code in an error document of S3, Azure or Google: `<Code>NoSuchKey</Code>`.
fn reason_in(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    (code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric())).then_some(code)
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for RemoteError {}

impl From<RemoteError> for io::Error {
    /// An error of the system's kinds; [`io::ErrorKind::ConnectionAborted`] is the transient one.
    fn from(error: RemoteError) -> Self {
        let kind = match error.fault {
            Fault::Address => io::ErrorKind::InvalidInput,
            Fault::Missing => io::ErrorKind::NotFound,
            Fault::Denied => io::ErrorKind::PermissionDenied,
            Fault::Changed | Fault::Answer => io::ErrorKind::InvalidData,
            Fault::TooLarge => io::ErrorKind::FileTooLarge,
            Fault::Network => io::ErrorKind::ConnectionAborted,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_to_try_again() {
        for (status, fault, transient) in [
            (404, Fault::Missing, false),
            (403, Fault::Denied, false),
            (412, Fault::Changed, false),
            (400, Fault::Answer, false),
            (429, Fault::Network, true),
            (500, Fault::Network, true),
            (503, Fault::Network, true),
        ] {
            let error = RemoteError::of_status(status, "<Error><Code>Some</Code></Error>");
            assert_eq!((error.fault(), error.is_transient()), (fault, transient), "{status}");
            let text = error.to_string();
            assert!(text.contains(&status.to_string()) && text.ends_with("(Some)"), "{text}");
        }
        assert_eq!(RemoteError::of_status(503, "<Code>a b</Code>").to_string(), "the server answers 503");
    }
}
