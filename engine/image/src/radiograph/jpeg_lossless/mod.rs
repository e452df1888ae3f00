//! JPEG Lossless: the Huffman-coded process 14 of ITU-T T.81 (annex H), with every predictor, restart intervals, point
//! transforms, and differences modulo 2^16.

mod huffman;
mod predict;

use huffman::{Bits, Table};
use predict::Predictor;

/// Decodes a stream; samples are interleaved by pixel, each as wide as the frame says.
///
/// # Errors
/// If the stream is broken, truncated, lacks its end marker, or uses features outside of the process (subsampled
/// components, a hierarchy).
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u16>, String> {
    let mut decoder = Decoder::default();
    let mut at = 0;
    loop {
        let marker = marker_at(bytes, &mut at)?;
        match marker {
            // SOI
            0xD8 => continue,
            // EOI
            0xD9 => return decoder.finish(),
            _ => {}
        }
        let segment = segment_at(bytes, &mut at)?;
        match marker {
            0xC3 => decoder.frame(segment)?,
            0xC4 => decoder.tables(segment)?,
            // DRI
            0xDD => decoder.restart = u16_at(segment, 0)?,
            // SOS
            0xDA => at = decoder.scan(segment, bytes, at)?,
            // application data and comments
            0xE0..=0xEF | 0xFE => {}
            other => return Err(format!("unexpected marker 0xFF{other:02X}")),
        }
    }
}

/// The code of the marker at `at`; advances `at` past it. Fill bytes may precede it.
fn marker_at(bytes: &[u8], at: &mut usize) -> Result<u8, String> {
    let rest = bytes.get(*at..).unwrap_or_default();
    let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
    let Some(&code) = rest.get(fill) else { return Err("the stream ends without its end marker (EOI)".into()) };
    if fill == 0 {
        return Err(format!("expected a marker at byte {at}, found 0x{code:02X}"));
    }
    *at += fill + 1;
    Ok(code)
}

/// The body of the segment at `at`; advances `at` past it.
fn segment_at<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], String> {
    let length = u16_at(bytes, *at)?;
    let body = bytes.get(*at + 2..*at + length).ok_or("a marker segment is cut off")?;
    *at += length;
    Ok(body)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<usize, String> {
    match bytes.get(at..).unwrap_or_default() {
        &[high, low, ..] => Ok(u16::from_be_bytes([high, low]).into()),
        _ => Err("a marker segment is cut off".into()),
    }
}

/// The state from the markers so far, and the samples.
#[derive(Debug, Default)]
struct Decoder {
    frame: Option<Frame>,
    tables: [Option<Table>; 4],
    /// Pixels between restart markers; 0: none.
    restart: usize,
}

#[derive(Debug)]
struct Frame {
    precision: u32,
    rows: usize,
    cols: usize,
    /// The components' identifiers, in order.
    components: Vec<u8>,
    /// Which of them have been decoded.
    decoded: Vec<bool>,
    /// (row, column, component).
    samples: Vec<u16>,
}

/// A scan's header.
struct Scan<'a> {
    /// Index in the frame, and table, of each component.
    components: Vec<(usize, &'a Table)>,
    predictor: Predictor,
    /// The point transform: low bits that were dropped.
    shift: u32,
}

impl Decoder {
    /// SOF3.
    fn frame(&mut self, segment: &[u8]) -> Result<(), String> {
        let [precision, _, _, _, _, count, components @ ..] = segment else { return Err("a frame is cut off".into()) };
        if self.frame.is_some() {
            return Err("a second frame".into());
        }
        let (rows, cols) = (u16_at(segment, 1)?, u16_at(segment, 3)?);
        let components: Vec<&[u8]> = components.chunks_exact(3).collect();
        if components.len() != usize::from(*count) || components.is_empty() {
            return Err(format!("expected {count} components in the frame, found {}", components.len()));
        }
        if !(2..=16).contains(precision) || rows == 0 || cols == 0 {
            return Err(format!("a frame of {rows}×{cols} pixels of {precision} bits"));
        }
        // a single component cannot be subsampled
        if components.len() > 1 && components.iter().any(|component| component[1] != 0x11) {
            return Err("subsampled components are not supported".into());
        }
        let samples = vec![0; rows * cols * components.len()];
        let decoded = vec![false; components.len()];
        let components = components.iter().map(|component| component[0]).collect();
        self.frame = Some(Frame { precision: (*precision).into(), rows, cols, components, decoded, samples });
        Ok(())
    }

    /// DHT, which may hold several tables.
    fn tables(&mut self, mut segment: &[u8]) -> Result<(), String> {
        while let [destination, rest @ ..] = segment {
            let (table, rest) = Table::read(rest)?;
            // the high half is the class: 0 here; tables of another class are never used
            if let Some(slot) = self.tables.get_mut(usize::from(*destination)) {
                *slot = Some(table);
            }
            segment = rest;
        }
        Ok(())
    }

    /// SOS, and the data after it; returns where the data end.
    fn scan(&mut self, segment: &[u8], bytes: &[u8], at: usize) -> Result<usize, String> {
        let frame = self.frame.as_mut().ok_or("a scan precedes its frame")?;
        let scan = Scan::read(segment, frame, &self.tables)?;
        if !self.restart.is_multiple_of(frame.cols) {
            return Err(format!(
                "expected restart intervals of whole rows, found {} pixels in rows of {}",
                self.restart, frame.cols
            ));
        }
        scan.decode(frame, self.restart / frame.cols, bytes, at)
    }

    fn finish(self) -> Result<Vec<u16>, String> {
        let frame = self.frame.ok_or("no frame")?;
        match frame.decoded.iter().position(|decoded| !decoded) {
            Some(missing) => Err(format!("no scan for component {missing}")),
            None => Ok(frame.samples),
        }
    }
}

impl<'a> Scan<'a> {
    fn read(segment: &[u8], frame: &Frame, tables: &'a [Option<Table>]) -> Result<Self, String> {
        let cut_off = "a scan's header is cut off";
        let (&count, rest) = segment.split_first().ok_or(cut_off)?;
        let (components, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or(cut_off)?;
        let &[predictor, _, shift, ..] = rest else { return Err(cut_off.into()) };
        let component = |pair: &[u8]| {
            let index = frame.components.iter().position(|id| *id == pair[0]);
            let index = index.ok_or_else(|| format!("a scan of component {}, which is not in the frame", pair[0]))?;
            let table = tables.get(usize::from(pair[1] >> 4)).and_then(Option::as_ref);
            Ok((index, table.ok_or_else(|| format!("no Huffman table {}", pair[1] >> 4))?))
        };
        let components = components.chunks_exact(2).map(component).collect::<Result<Vec<_>, String>>()?;
        let shift = u32::from(shift & 0x0F);
        if shift >= frame.precision {
            return Err(format!("a point transform of {shift} bits for samples of {}", frame.precision));
        }
        Ok(Self { components, predictor: Predictor::from_selector(predictor)?, shift })
    }

    /// Decodes the rows, `restart` of them between restart markers (0: all), and returns where the data end.
    fn decode(&self, frame: &mut Frame, restart: usize, bytes: &[u8], at: usize) -> Result<usize, String> {
        let mut bits = Bits::new(bytes, at);
        let (mut restarts, mut since) = (0_u8, 0);
        for row in 0..frame.rows {
            if restart != 0 && since == restart {
                let mut at = bits.finish()?;
                let (expected, found) = (0xD0 + restarts % 8, marker_at(bytes, &mut at)?);
                if found != expected {
                    let at = format!("before row {row} of {}", frame.rows);
                    return Err(format!("expected restart marker 0xFF{expected:02X} {at}, found 0xFF{found:02X}"));
                }
                restarts = restarts.wrapping_add(1);
                since = 0;
                bits = Bits::new(bytes, at);
            }
            self.row(frame, row, since == 0, &mut bits)?;
            since += 1;
        }
        for &(index, _) in &self.components {
            frame.decoded[index] = true;
            frame.samples.iter_mut().skip(index).step_by(frame.decoded.len()).for_each(|sample| *sample <<= self.shift);
        }
        bits.finish()
    }

    /// Decodes one row; `first` after the scan's start or a restart marker.
    fn row(&self, frame: &mut Frame, row: usize, first: bool, bits: &mut Bits) -> Result<(), String> {
        let pixel = frame.decoded.len();
        let line = frame.cols * pixel;
        let middle = 1 << (frame.precision - self.shift - 1);
        let (above, samples) = frame.samples.split_at_mut(row * line);
        let above = if first { &[] } else { &above[above.len() - line..] };
        for x in 0..frame.cols {
            for &(index, table) in &self.components {
                let at = x * pixel + index;
                let predicted = match (x, first) {
                    (0, true) => middle,
                    (0, false) => above[at],
                    (_, true) => samples[at - pixel],
                    _ => self.predictor.predict(samples[at - pixel], above[at], above[at - pixel]),
                };
                samples[at] = predicted.wrapping_add(bits.difference(table)?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
