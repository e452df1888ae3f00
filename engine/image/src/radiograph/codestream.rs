//! The headers of a compressed image, read before it is decoded.

/// The size and the sample format of a compressed image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Codestream {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) components: usize,
    /// Bits per sample.
    pub(super) bits: u32,
    /// Whether decoded samples may differ from the original ones.
    pub(super) lossy: bool,
    pub(super) kind: Kind,
}

/// The family of a compressed image, with its colour information.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A start-of-frame marker from 0xC0 to 0xCF: 0xC0 is baseline, 0xC1 extended, 0xC3 lossless.
    Jpeg {
        sof: u8,
        /// A JFIF marker: three components are luma and chroma.
        jfif: bool,
        /// Adobe's transform: 0 is none, 1 luma and chroma.
        adobe: Option<u8>,
        /// The components are called R, G, B.
        named_rgb: bool,
    },
    /// Interleave mode: 0 by plane, 1 by line, 2 by sample.
    JpegLs { interleave: u8 },
    Jpeg2000 {
        /// Whether all components are sampled at every pixel, equally, and without an offset.
        plain: bool,
        /// Whether the block coder is that of High-Throughput JPEG 2000.
        fast: bool,
    },
}

impl Codestream {
    /// Reads the headers.
    ///
    /// # Errors
    /// If they are broken, or belong to none of these families.
    pub(super) fn probe(bytes: &[u8]) -> Result<Self, String> {
        match bytes {
            [0xFF, 0x4F, 0xFF, 0x51, ..] => jpeg2000(bytes).ok_or("a broken JPEG 2000 header".into()),
            [0xFF, 0xD8, ..] => jpeg(bytes).ok_or("a broken JPEG header".into()),
            [] => Err("no data".into()),
            _ => Err("expected JPEG, JPEG-LS or JPEG 2000 data".into()),
        }
    }
}

impl Kind {
    /// Its name, as transfer syntaxes use it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Jpeg { sof: 0xC3, .. } => "JPEG Lossless",
            Self::Jpeg { .. } => "JPEG",
            Self::JpegLs { .. } => "JPEG-LS",
            Self::Jpeg2000 { fast: true, .. } => "HTJ2K",
            Self::Jpeg2000 { .. } => "JPEG 2000",
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

/// Walks the markers up to the first scan.
fn jpeg(bytes: &[u8]) -> Option<Codestream> {
    let (mut jfif, mut adobe, mut frame) = (false, None, None);
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xFF {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        if marker == 0xFF {
            // a fill byte
            at += 1;
            continue;
        }
        let body = bytes.get(at + 4..at + 2 + u16_at(bytes, at + 2)?)?;
        match marker {
            0xE0 => jfif |= body.starts_with(b"JFIF\0"),
            0xEE if body.starts_with(b"Adobe") => adobe = body.get(11).copied(),
            // DHT, JPG and DAC are among the start-of-frame codes
            0xC4 | 0xC8 | 0xCC => {}
            0xC0..=0xCF | 0xF7 => frame = Some((marker, body)),
            0xDA => return finish(frame?, body, jfif, adobe),
            0xD8 | 0xD9 => return None,
            _ => {}
        }
        at += 4 + body.len();
    }
}

fn finish((sof, frame): (u8, &[u8]), scan: &[u8], jfif: bool, adobe: Option<u8>) -> Option<Codestream> {
    let components = usize::from(*frame.get(5)?);
    let (lossy, kind) = if sof == 0xF7 {
        // number of components, two bytes for each, NEAR, interleave mode
        let &[near, interleave, ..] = scan.get(1 + 2 * usize::from(*scan.first()?)..)? else { return None };
        (near > 0, Kind::JpegLs { interleave })
    } else {
        let ids: Vec<u8> = frame.get(6..6 + 3 * components)?.chunks_exact(3).map(|component| component[0]).collect();
        (sof != 0xC3, Kind::Jpeg { sof, jfif, adobe, named_rgb: ids == *b"RGB" })
    };
    let (rows, cols) = (u16_at(frame, 1)?, u16_at(frame, 3)?);
    Some(Codestream { rows, cols, components, bits: frame[0].into(), lossy, kind })
}

/// The SIZ segment, which is the first, and the transform of the COD segment.
fn jpeg2000(bytes: &[u8]) -> Option<Codestream> {
    let siz = bytes.get(4..)?;
    let [cols, rows, left, top] = [4, 8, 12, 16].map(|at| u32_at(siz, at));
    let components = u16_at(siz, 36)?;
    let formats = siz.get(38..38 + 3 * components)?;
    let first = formats.get(..3)?;
    let plain = formats.chunks_exact(3).all(|format| format == first && format[1..] == [1, 1]);
    Some(Codestream {
        rows: rows?.checked_sub(top?)?,
        cols: cols?.checked_sub(left?)?,
        components,
        bits: u32::from(first[0] & 0x7F) + 1,
        lossy: is_irreversible(bytes)?,
        // bit 14 of the capabilities announces Part 15
        kind: Kind::Jpeg2000 { plain, fast: siz.get(2)? & 0x40 != 0 },
    })
}

/// Whether a JPEG 2000 image uses the irreversible (lossy) wavelet.
fn is_irreversible(bytes: &[u8]) -> Option<bool> {
    let mut at = 2;
    while u16_at(bytes, at)? != 0xFF52 {
        if bytes[at] != 0xFF || bytes[at + 1] == 0x90 {
            return None;
        }
        at += 2 + u16_at(bytes, at + 2)?;
    }
    // length (2), style, progression, layers (2), components' transform, levels, code-block (3), wavelets
    Some(*bytes.get(at + 13)? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jpeg_headers() {
        let stream = [
            &b"\xFF\xD8\xFF\xE0\0\x07JFIF\0"[..],
            b"\xFF\xC0\0\x11\x08\0\x10\0\x20\x03\x01\x22\0\x02\x11\x01\x03\x11\x01",
            b"\xFF\xDA\0\x0C\x03\x01\0\x02\0\x03\0\0\x3F\0",
        ]
        .concat();
        let kind = Kind::Jpeg { sof: 0xC0, jfif: true, adobe: None, named_rgb: false };
        assert_eq!(
            Codestream::probe(&stream),
            Ok(Codestream { rows: 16, cols: 32, components: 3, bits: 8, lossy: true, kind })
        );
        for length in 0..stream.len() - 1 {
            assert!(Codestream::probe(&stream[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn jpeg_ls_headers_tell_the_interleave_mode() {
        // NEAR is 3
        let stream = b"\xFF\xD8\xFF\xF7\0\x0B\x0C\0\x10\0\x20\x01\x01\x11\0\xFF\xDA\0\x08\x01\x01\0\x03\x02\0";
        let probed = Codestream::probe(stream).unwrap();
        assert!(probed.lossy);
        assert_eq!((probed.bits, probed.kind), (12, Kind::JpegLs { interleave: 2 }));
    }

    #[test]
    fn jpeg_2000_headers_tell_the_wavelets() {
        let size = [32, 16, 0, 0, 32, 16, 0, 0_u32].map(u32::to_be_bytes).concat();
        let stream = |wavelets: u8| {
            let style = [0xFF, 0x52, 0, 12, 0, 0, 0, 1, 0, 5, 4, 4, 0, wavelets];
            let comment = [0xFF, 0x64, 0, 4, 0, 1];
            [&[0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0][..], &size, &[0, 1, 11, 1, 1], &comment, &style].concat()
        };
        for (wavelets, lossy) in [(0, true), (1, false)] {
            let stream = stream(wavelets);
            let kind = Kind::Jpeg2000 { plain: true, fast: false };
            let expected = Codestream { rows: 16, cols: 32, components: 1, bits: 12, lossy, kind };
            assert_eq!(Codestream::probe(&stream), Ok(expected));
            for length in 0..stream.len() {
                assert!(Codestream::probe(&stream[..length]).is_err(), "{length} bytes");
            }
        }
    }
}
