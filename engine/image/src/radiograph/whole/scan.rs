//! One scan of a JPEG image, block by block: codes are read, coefficients are not kept.

use super::Incomplete;
use super::bits::Bits;
use super::frame::Frame;
use super::huffman::Huffman;

/// Huffman tables by class (DC, AC) and number.
pub(super) type Tables = [[Option<Huffman>; 4]; 2];

/// Unused bytes allowed before a marker: encoders pad a little, more means that codes were lost.
const MAX_SURPLUS: usize = 64;

/// A scan's header.
struct Scan {
    /// Indices of its components in the frame, with the numbers of their tables (DC, AC).
    components: Vec<(usize, usize, usize)>,
    /// The first and the last coefficient.
    band: (usize, usize),
    /// Progressive: the lowest bit received before, 0 in the first pass, and the lowest bit of this scan.
    high: u8,
    low: u8,
}

/// Reads a scan, whose codes start at byte `at`; returns the position of the next marker.
///
/// # Errors
/// If it ends before its last block, or has invalid codes.
pub(super) fn read(
    (header, bytes, at): (&[u8], &[u8], usize),
    frame: &mut Frame,
    tables: &Tables,
    interval: usize,
) -> Result<usize, Incomplete> {
    let scan = Scan::read(header, frame)?;
    let units = match scan.components[..] {
        [(component, ..)] => frame.blocks(component),
        _ => frame.units(),
    };
    let mut walk = Walk { scan: &scan, tables, bits: Bits::new(bytes, at), run: 0 };
    let mut restarts = 0_u8;
    for unit in 0..units.0 * units.1 {
        if interval > 0 && unit > 0 && unit % interval == 0 {
            let (marker, _) = std::mem::replace(&mut walk.bits, Bits::new(bytes, at)).end();
            if bytes.get(marker + 1) != Some(&(0xD0 + restarts % 8)) {
                return Err(Incomplete::cut(unit, units));
            }
            restarts = restarts.wrapping_add(1);
            (walk.bits, walk.run) = (Bits::new(bytes, marker + 2), 0);
        }
        walk.unit(frame, (unit / units.1, unit % units.1)).map_err(|fault| match fault {
            Incomplete::End => Incomplete::cut(unit, units),
            other => other,
        })?;
    }
    let (marker, surplus) = walk.bits.end();
    if surplus > MAX_SURPLUS {
        return Err(Incomplete::Broken("a scan continues after its last block"));
    }
    for &(component, ..) in &scan.components {
        frame.components[component].received(scan.band, scan.low);
    }
    Ok(marker)
}

impl Scan {
    fn read(header: &[u8], frame: &Frame) -> Result<Self, Incomplete> {
        let broken = Incomplete::Broken("a start of scan is not valid");
        let (&count, rest) = header.split_first().ok_or(broken)?;
        let (selectors, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or(broken)?;
        let &[first, last, bits, ..] = rest else { return Err(broken) };
        let component = |selector: &[u8]| {
            let index = frame.components.iter().position(|component| component.id == selector[0])?;
            Some((index, usize::from(selector[1] >> 4), usize::from(selector[1] & 15)))
        };
        let components: Option<Vec<_>> = selectors.chunks_exact(2).map(component).collect();
        let components = components.filter(|all| !all.is_empty() && all.iter().all(|c| c.1 < 4 && c.2 < 4));
        let components = components.ok_or(broken)?;
        if !frame.progressive {
            return Ok(Self { components, band: (0, 63), high: 0, low: 0 });
        }
        let band = (usize::from(first), usize::from(last));
        let sound = if first == 0 { last == 0 } else { first <= last && last < 64 && components.len() == 1 };
        if sound { Ok(Self { components, band, high: bits >> 4, low: bits & 15 }) } else { Err(broken) }
    }
}

/// The state while reading a scan.
struct Walk<'a> {
    scan: &'a Scan,
    tables: &'a Tables,
    bits: Bits<'a>,
    /// Remaining blocks of an end-of-band run.
    run: u32,
}

impl<'a> Walk<'a> {
    /// An interleaved unit, or the one block of a scan of one component.
    fn unit(&mut self, frame: &mut Frame, (down, across): (usize, usize)) -> Result<(), Incomplete> {
        let alone = self.scan.components.len() == 1;
        for &(component, dc, ac) in &self.scan.components {
            let (height, width) = if alone { (1, 1) } else { frame.components[component].sampling };
            if !frame.progressive {
                for _ in 0..height * width {
                    self.sequential(dc, ac)?;
                }
                continue;
            }
            let stride = frame.stride(component);
            for block in 0..height * width {
                let at = (down * height + block / width) * stride + across * width + block % width;
                let nonzero = &mut frame.components[component].nonzero[at];
                match (self.scan.band.0, self.scan.high) {
                    (0, 0) => self.dc(dc)?,
                    (0, _) => self.bits.skip(1)?,
                    (_, 0) => self.first(ac, nonzero)?,
                    _ => self.refine(ac, nonzero)?,
                }
            }
        }
        Ok(())
    }

    fn symbol(&mut self, class: usize, number: usize) -> Result<u8, Incomplete> {
        self.table(class, number)?.decode(&mut self.bits)
    }

    fn table(&self, class: usize, number: usize) -> Result<&'a Huffman, Incomplete> {
        self.tables[class][number].as_ref().ok_or(Incomplete::Broken(NO_TABLE))
    }

    /// A difference of DC coefficients.
    fn dc(&mut self, table: usize) -> Result<(), Incomplete> {
        match self.symbol(0, table)? {
            size @ 0..=16 => self.bits.skip(size.into()),
            _ => Err(Incomplete::Broken("a DC coefficient of more than 16 bits")),
        }
    }

    /// A block of a sequential scan.
    fn sequential(&mut self, dc: usize, ac: usize) -> Result<(), Incomplete> {
        self.dc(dc)?;
        let table = self.table(1, ac)?;
        let mut at = 1;
        while at < 64 {
            let several = table.several(&mut self.bits);
            // what follows the block's last coefficient is another block's
            if several.bits > 0 && at + usize::from(several.before) < 64 {
                self.bits.skip(several.bits.into())?;
                at += usize::from(several.after);
                if several.ends {
                    return Ok(());
                }
                continue;
            }
            let symbol = table.decode_sized(&mut self.bits)?;
            match (usize::from(symbol >> 4), symbol & 15) {
                (15, 0) => at += 16,
                (_, 0) => return Ok(()),
                (zeros, _) => at += zeros + 1,
            }
        }
        if at > 64 { Err(Incomplete::Broken(TOO_MANY)) } else { Ok(()) }
    }

    /// A block of a progressive scan, the first of its band (T.81, G.1.2.2).
    fn first(&mut self, table: usize, nonzero: &mut u64) -> Result<(), Incomplete> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let (mut at, last) = self.scan.band;
        while at <= last {
            let symbol = self.symbol(1, table)?;
            match (u32::from(symbol >> 4), symbol & 15) {
                (15, 0) => at += 16,
                (bits, 0) => {
                    self.run = (1 << bits) - 1 + self.bits.take(bits)?;
                    return Ok(());
                }
                (zeros, size) => {
                    at += zeros as usize;
                    if at > last {
                        return Err(Incomplete::Broken(TOO_MANY));
                    }
                    *nonzero |= 1 << at;
                    at += 1;
                    self.bits.skip(size.into())?;
                }
            }
        }
        Ok(())
    }

    /// A block of a progressive scan that refines its band: one bit for each non-zero coefficient, between the codes of
    /// those that become non-zero (T.81, G.1.2.3).
    fn refine(&mut self, table: usize, nonzero: &mut u64) -> Result<(), Incomplete> {
        let (mut at, last) = self.scan.band;
        while self.run == 0 && at <= last {
            let symbol = self.symbol(1, table)?;
            let (mut zeros, size) = (u32::from(symbol >> 4), symbol & 15);
            if size == 0 && zeros < 15 {
                self.run = (1 << zeros) + self.bits.take(zeros)?;
                break;
            }
            // the sign of a new coefficient
            self.bits.skip(u32::from(size != 0))?;
            while at <= last {
                if *nonzero >> at & 1 == 1 {
                    self.bits.skip(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            if size != 0 {
                if at > last {
                    return Err(Incomplete::Broken(TOO_MANY));
                }
                *nonzero |= 1 << at;
            }
            at += 1;
        }
        if self.run > 0 {
            self.run -= 1;
            for at in at..=last {
                self.bits.skip((*nonzero >> at & 1) as u32)?;
            }
        }
        Ok(())
    }
}

const NO_TABLE: &str = "a scan without its Huffman table";
const TOO_MANY: &str = "a block has more than 64 coefficients";
