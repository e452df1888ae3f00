//! Checks that a compressed image is complete.
//!
//! Decoders fill in what is missing: with grey, with the last line, or with nothing at all. So the codes of a JPEG
//! image are read before it is decoded: every scan must have its last block, no scan may be missing, and the end marker
//! must follow. For JPEG Lossless, JPEG-LS and JPEG 2000, whose decoders do refuse too few codes, the markers are
//! checked.

mod bits;
mod frame;
mod huffman;
mod jpeg2000;
mod scan;

use frame::Frame;
use huffman::Huffman;
use scan::Tables;

pub(super) use jpeg2000::check as jpeg2000;

/// Why an image is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Incomplete {
    /// The codes end within a block.
    #[error("the image is cut off")]
    End,
    /// A scan that ends before its last block.
    #[error("the image is cut off: a scan ends after {blocks} of {of} blocks")]
    Cut {
        /// The number of blocks, or interleaved units of them, that it has.
        blocks: usize,
        of: usize,
    },
    /// The file ends before its end marker.
    #[error("the image is cut off: expected the end marker {0}, found the end of the data")]
    NoEnd(&'static str),
    /// An incomplete sequence of scans.
    #[error("the image is cut off: component {component} lacks scans for {missing} of its 64 coefficients")]
    Scans {
        /// From 1.
        component: usize,
        missing: usize,
    },
    /// A tile that is missing or ends too soon.
    #[error("the image is cut off: tile {0} is not whole")]
    Tile(usize),
    /// Data that no sound image has.
    #[error("the image is damaged: {0}")]
    Broken(&'static str),
}

impl Incomplete {
    fn cut(blocks: usize, (down, across): (usize, usize)) -> Self {
        Self::Cut { blocks, of: down * across }
    }
}

/// Checks that a JPEG image of any kind is complete. Bytes after its end marker are ignored.
///
/// # Errors
/// What is missing.
pub(super) fn jpeg(bytes: &[u8]) -> Result<(), Incomplete> {
    let mut image = Jpeg { bytes, frame: None, jpeg_ls: false, tables: Tables::default(), interval: 0 };
    let mut at = 2;
    loop {
        let (marker, body) = image.segment(&mut at)?;
        match marker {
            0xD9 => return image.frame.map_or(Ok(()), |frame| frame.check_complete()),
            0xC4 => image.add_tables(body)?,
            0xDD => image.interval = body.first_chunk().map_or(0, |&n| u16::from_be_bytes(n).into()),
            0xC0..=0xC2 => image.frame = Some(Frame::read(body, marker == 0xC2)?),
            0xF7 => image.jpeg_ls = true,
            0xDA => at = image.scan(body, at)?,
            _ => {}
        }
    }
}

/// Whether a JPEG image has several scans, so that a decoder keeps the coefficients of all of them.
pub(super) fn in_several_scans(bytes: &[u8]) -> bool {
    let image = Jpeg { bytes, frame: None, jpeg_ls: false, tables: Tables::default(), interval: 0 };
    let (mut at, mut components) = (2, 0);
    while let Ok((marker, body)) = image.segment(&mut at) {
        match marker {
            0xC2 => return true,
            0xC0 | 0xC1 => components = body.get(5).copied().unwrap_or(0),
            0xDA => return body.first().is_some_and(|&count| count < components),
            0xD9 => break,
            _ => {}
        }
    }
    false
}

/// The state from the markers of a JPEG image so far.
struct Jpeg<'a> {
    bytes: &'a [u8],
    /// The frame, if it consists of DCT blocks with Huffman codes.
    frame: Option<Frame>,
    jpeg_ls: bool,
    tables: Tables,
    /// Units between restart markers; 0: none.
    interval: usize,
}

impl<'a> Jpeg<'a> {
    /// The next marker and its segment's body, empty if it has none.
    fn segment(&self, at: &mut usize) -> Result<(u8, &'a [u8]), Incomplete> {
        let end = Incomplete::NoEnd("EOI");
        // fill bytes, and bytes that are not a marker
        while self.bytes.get(*at).ok_or(end)? != &0xFF || matches!(self.bytes.get(*at + 1), Some(0 | 0xFF)) {
            *at += 1;
        }
        let marker = *self.bytes.get(*at + 1).ok_or(end)?;
        *at += 2;
        if matches!(marker, 0x01 | 0xD0..=0xD9) {
            return Ok((marker, &[]));
        }
        let length = self.bytes[*at..].first_chunk().map(|&length| usize::from(u16::from_be_bytes(length)));
        let body = self.bytes.get(*at + 2..*at + length.ok_or(end)?.max(2)).ok_or(end)?;
        *at += 2 + body.len();
        Ok((marker, body))
    }

    /// Huffman tables: each a class and a number, the number of codes of each length, and the symbols.
    fn add_tables(&mut self, mut body: &[u8]) -> Result<(), Incomplete> {
        let broken = Incomplete::Broken("a Huffman table is not valid");
        while let Some((&name, rest)) = body.split_first() {
            let (counts, rest) = rest.split_at_checked(16).ok_or(broken)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(broken)?;
            let class = self.tables.get_mut(usize::from(name >> 4)).ok_or(broken)?;
            *class.get_mut(usize::from(name & 15)).ok_or(broken)? = Some(Huffman::new(counts, symbols)?);
            body = rest;
        }
        Ok(())
    }

    /// Reads a scan, or skips one of another kind; returns the position of the next marker.
    fn scan(&mut self, header: &[u8], at: usize) -> Result<usize, Incomplete> {
        if let Some(frame) = &mut self.frame {
            return scan::read((header, self.bytes, at), frame, &self.tables, self.interval);
        }
        // JPEG-LS stuffs a bit, not a byte: after 0xFF, bytes below 0x80 belong to the scan
        let data = |next: u8| if self.jpeg_ls { next < 0x80 } else { next == 0 };
        let ends = |pair: &[u8]| pair[0] == 0xFF && !data(pair[1]) && !matches!(pair[1], 0xD0..=0xD7);
        let rest = self.bytes.get(at..).unwrap_or_default();
        rest.windows(2).position(ends).map(|after| at + after).ok_or(Incomplete::NoEnd("EOI"))
    }
}

#[cfg(test)]
mod tests;
