//! JPEG 2000: tiles, tile-parts and the end of the codestream (ITU-T T.800, annex A).

use std::collections::BTreeMap;

use super::Incomplete;

/// How an image is divided: a decoder keeps data for each piece in addition to the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Blocks {
    /// The number of tiles.
    pub(in super::super) tiles: u64,
    /// The fewest samples of a code-block or precinct in any header.
    pub(in super::super) smallest: u64,
}

/// A tile's parts: the number found, and the number declared (0 if undeclared).
type Parts = BTreeMap<usize, (usize, usize)>;

/// Checks that a codestream has all its tiles, all their parts, and its end.
///
/// # Errors
/// What is missing.
pub(in super::super) fn check(bytes: &[u8]) -> Result<Blocks, Incomplete> {
    let mut stream = Stream { bytes, at: 2, smallest: u64::MAX };
    let (tiles, mut parts) = (stream.main_header()?, Parts::new());
    if !(1..=65_535).contains(&tiles) {
        return Err(Incomplete::Broken("a number of tiles that is not 1 to 65,535"));
    }
    while stream.tile_part(&mut parts)? {}
    let whole = |tile: &usize| parts.get(tile).is_some_and(|&(found, said)| found >= said.max(1));
    match (0..tiles as usize).find(|tile| !whole(tile)) {
        Some(tile) => Err(Incomplete::Tile(tile)),
        None => Ok(Blocks { tiles, smallest: stream.smallest }),
    }
}

const END: Incomplete = Incomplete::NoEnd("EOC");

struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
    smallest: u64,
}

impl Stream<'_> {
    fn u16(&self, at: usize) -> Result<u16, Incomplete> {
        let two = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        two.map(|&two| u16::from_be_bytes(two)).ok_or(END)
    }

    fn u32(&self, at: usize) -> Result<u64, Incomplete> {
        Ok(u64::from(self.u16(at)?) << 16 | u64::from(self.u16(at + 2)?))
    }

    /// The number of tiles; advances to the first tile-part.
    fn main_header(&mut self) -> Result<u64, Incomplete> {
        let mut tiles = 0;
        while !matches!(self.u16(self.at)?, 0xFF90 | 0xFFD9) {
            if self.u16(self.at)? == 0xFF51 {
                tiles = self.tiles()?;
            }
            self.segment()?;
        }
        Ok(tiles)
    }

    /// The number of tiles, from the size segment's extent, offset, tile and tile offset, each (across, down).
    fn tiles(&self) -> Result<u64, Incomplete> {
        let count = |at: usize| {
            let [extent, tile, offset] = [self.u32(at)?, self.u32(at + 16)?, self.u32(at + 24)?];
            Ok(extent.saturating_sub(offset).div_ceil(tile.max(1)))
        };
        Ok(count(self.at + 6)? * count(self.at + 10)?)
    }

    /// Skips a segment; coding styles are read for the smallest sizes of code-blocks and precincts.
    fn segment(&mut self) -> Result<(), Incomplete> {
        let (marker, length) = (self.u16(self.at)?, usize::from(self.u16(self.at + 2)?));
        let body = self.bytes.get(self.at + 4..self.at + 2 + length.max(2)).ok_or(END)?;
        let wide = usize::from(self.u16(8 + 32).is_ok_and(|components| components > 256));
        match marker {
            // style, progression, layers (2), transform, then levels and the rest
            0xFF52 => self.coding(body.first(), body.get(5..)),
            0xFF53 => self.coding(body.get(1 + wide), body.get(2 + wide..)),
            _ => {}
        }
        self.at += 2 + length.max(2);
        Ok(())
    }

    /// Levels, exponents of the code-block's sides minus 2, style, transform, and precincts if the style has them.
    fn coding(&mut self, style: Option<&u8>, rest: Option<&[u8]>) {
        let (Some(style), Some(&[_, width, height, _, _, ref precincts @ ..])) = (style, rest) else { return };
        let block = (u32::from(width & 15) + 2, u32::from(height & 15) + 2);
        let precincts = if style & 1 == 1 { precincts } else { &[] };
        // a precinct of a resolution is half as wide and high in its bands
        let sides = precincts.iter().map(|&sides| {
            let [width, height] = [sides & 15, sides >> 4].map(|side| u32::from(side).saturating_sub(1));
            width.min(block.0) + height.min(block.1)
        });
        let least = sides.fold(block.0 + block.1, u32::min);
        self.smallest = self.smallest.min(1 << least.min(32));
    }

    /// Skips a tile-part; false at the end of the codestream.
    fn tile_part(&mut self, parts: &mut Parts) -> Result<bool, Incomplete> {
        match self.u16(self.at)? {
            0xFFD9 => return Ok(false),
            0xFF90 => {}
            _ => return Err(Incomplete::Broken("neither a tile-part nor the end of the codestream after a tile-part")),
        }
        let start = self.at;
        let (tile, length) = (usize::from(self.u16(start + 4)?), self.u32(start + 6)? as usize);
        let said = usize::from(self.u16(start + 10)? & 0xFF);
        let counted = parts.entry(tile).or_default();
        *counted = (counted.0 + 1, counted.1.max(said));
        self.at = start + 12;
        while self.u16(self.at)? != 0xFF93 {
            self.segment()?;
        }
        self.at = if length == 0 { self.last_end()? } else { start + length };
        if self.bytes.len() < self.at { Err(Incomplete::Tile(tile)) } else { Ok(true) }
    }

    /// The position of the end marker, after which only padding may follow.
    fn last_end(&self) -> Result<usize, Incomplete> {
        let used = self.bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        if self.bytes[..used].ends_with(&[0xFF, 0xD9]) { Ok(used - 2) } else { Err(END) }
    }
}
