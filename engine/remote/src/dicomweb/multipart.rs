//! The only part of a `multipart/related` answer.

use memchr::memmem;

use crate::error::{Fault, RemoteError};

/// The part of an answer with this content type: its only part, or all of an answer that is `application/dicom` itself.
///
/// # Errors
/// If the answer is of another type, ends early, or has several parts.
pub fn only(body: Vec<u8>, media: &str) -> Result<Vec<u8>, RemoteError> {
    let wrong = |found: String| RemoteError::new(Fault::Answer, format!("expected one DICOM instance, found {found}"));
    let kind = mailparse::parse_content_type(media);
    if kind.mimetype == "application/dicom" {
        return Ok(body);
    }
    let boundary = kind.params.get("boundary").filter(|_| kind.mimetype == "multipart/related");
    let boundary = boundary.ok_or_else(|| wrong(format!("an answer of type `{media}`")))?;
    // without the last delimiter, the part may have been cut anywhere
    let end = format!("\r\n--{boundary}--");
    if memmem::rfind(&body, end.as_bytes()).is_none() {
        return Err(RemoteError::new(Fault::Network, "the response ended early: its closing delimiter is missing"));
    }
    let whole = [b"Content-Type: ", media.as_bytes(), b"\r\n\r\n", &body].concat();
    drop(body);
    let mail = mailparse::parse_mail(&whole).map_err(|error| wrong(format!("a malformed answer: {error}")))?;
    match mail.subparts.as_slice() {
        [part] => part.get_body_raw().map_err(|error| wrong(format!("a malformed part: {error}"))),
        parts => Err(wrong(format!("{} parts", parts.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIA: &str = "multipart/related; type=\"application/dicom\"; boundary=\"x y\"";

    fn answer(parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = b"\r\n".to_vec();
        for part in parts {
            bytes.extend_from_slice(b"--x y\r\nContent-Type: application/dicom\r\nContent-Length: 9\r\n\r\n");
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"--x y--\r\n");
        bytes
    }

    #[test]
    fn a_part_comes_out_byte_for_byte() {
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        for part in [&b"DICM"[..], &all, b"ends in \r\n\r\n", b"\r", b"\n", b"\r\n--x z\r\n"] {
            assert_eq!(only(answer(&[part]), MEDIA).unwrap(), part, "{part:?}");
        }
        assert_eq!(only(b"DICM".to_vec(), "application/dicom").unwrap(), b"DICM");
        assert_eq!(only(b"DICM".to_vec(), "application/dicom; transfer-syntax=1.2").unwrap(), b"DICM");
    }

    #[test]
    fn an_answer_cut_anywhere_is_an_error() {
        let whole = answer(&[b"some bytes of an image"]);
        for length in 0..whole.len() - 2 {
            let error = only(whole[..length].to_vec(), MEDIA).unwrap_err();
            assert!(error.is_transient(), "{length}: {error}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (body, media, found) in [
            (answer(&[b"a", b"b"]), MEDIA, "2 parts"),
            (answer(&[b"a"]), "text/html", "`text/html`"),
            (answer(&[b"a"]), "multipart/related", "`multipart/related`"),
        ] {
            let error = only(body, media).unwrap_err();
            assert!(error.fault() == Fault::Answer && error.to_string().contains(found), "{error}");
        }
    }
}
