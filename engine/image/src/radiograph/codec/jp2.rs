//! JP2 files (ITU-T T.800, annex I): boxes around a JPEG 2000 codestream. JPH files (T.814) are the same for HTJ2K.

/// The signature box at the start of every file.
const SIGNATURE: [u8; 12] = *b"\0\0\0\x0CjP  \r\n\x87\n";

/// Whether the bytes start with the signature box.
pub(super) fn is_file(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// The first contiguous codestream.
///
/// # Errors
/// If there is none, a box is truncated, or the file has a palette, which would change the samples' meaning.
pub(super) fn codestream(bytes: &[u8]) -> Result<&[u8], String> {
    let mut boxes = Boxes(bytes);
    while let Some((kind, content)) = boxes.next()? {
        match &kind {
            b"jp2c" => return Ok(content),
            b"jp2h" if has_palette(content)? => return Err("a JP2 file with a palette is not supported".into()),
            _ => {}
        }
    }
    Err("a JP2 file without a codestream".into())
}

fn has_palette(header: &[u8]) -> Result<bool, String> {
    let mut boxes = Boxes(header);
    while let Some((kind, _)) = boxes.next()? {
        if kind == *b"pclr" {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A box's type and content.
type Content<'a> = ([u8; 4], &'a [u8]);

/// The unread rest of a sequence of boxes.
struct Boxes<'a>(&'a [u8]);

impl<'a> Boxes<'a> {
    /// The next box; `None` at the end.
    fn next(&mut self) -> Result<Option<Content<'a>>, String> {
        // a fragment is padded to an even length
        if self.0.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let short = || "the image is cut off: a JP2 file ends within the header of a box".to_string();
        let (&length, rest) = self.0.split_first_chunk().ok_or_else(short)?;
        let (&kind, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let (content, length) = match u32::from_be_bytes(length) {
            // extends to the end of the file
            0 => (rest, rest.len() as u64),
            1 => {
                let (&length, rest) = rest.split_first_chunk().ok_or_else(short)?;
                (rest, u64::from_be_bytes(length).wrapping_sub(16))
            }
            length => (rest, u64::from(length).wrapping_sub(8)),
        };
        let name = kind.escape_ascii();
        let found = content.len();
        let split = usize::try_from(length).ok().and_then(|length| content.split_at_checked(length));
        let (content, rest) = split.ok_or_else(|| {
            format!("the image is cut off: the box `{name}` of a JP2 file claims {length} bytes, found {found}")
        })?;
        self.0 = rest;
        Ok(Some((kind, content)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    #[test]
    fn the_codestream_is_found_by_every_kind_of_length() {
        let header = boxed(b"jp2h", &boxed(b"ihdr", &[0; 14]));
        let start = [&SIGNATURE[..], &boxed(b"ftyp", b"jp2 \0\0\0\0jp2 "), &header].concat();
        let long = [&[0, 0, 0, 1][..], b"jp2c", &[0, 0, 0, 0, 0, 0, 0, 20], b"code"].concat();
        let to_the_end = [&[0; 4][..], b"jp2c", b"code"].concat();
        for codestream_box in [boxed(b"jp2c", b"code"), long, to_the_end] {
            let file = [&start[..], &codestream_box].concat();
            assert!(is_file(&file));
            assert_eq!(codestream(&file), Ok(&b"code"[..]));
        }
        let padded = [&start[..], &boxed(b"jp2c", b"code"), &[0]].concat();
        assert_eq!(codestream(&padded), Ok(&b"code"[..]));
    }

    #[test]
    fn files_without_a_whole_codestream_are_errors() {
        let file = [&SIGNATURE[..], &boxed(b"jp2c", b"code")].concat();
        // up to three zeros are padding
        for length in SIGNATURE.len() + 4..file.len() {
            assert!(codestream(&file[..length]).unwrap_err().contains("cut off"), "{length} bytes");
        }
        assert_eq!(codestream(&SIGNATURE).unwrap_err(), "a JP2 file without a codestream");
        let palette = boxed(b"jp2h", &[boxed(b"ihdr", &[0; 14]), boxed(b"pclr", &[0; 9])].concat());
        let file = [&SIGNATURE[..], &palette, &boxed(b"jp2c", b"code")].concat();
        assert!(codestream(&file).unwrap_err().contains("palette"));
        let impossible = [&SIGNATURE[..], &[0, 0, 0, 3], b"jp2c"].concat();
        assert!(codestream(&impossible).unwrap_err().contains("claims"));
    }
}
