//! Streams made here, by an encoder that follows the standard's text, and read back.

use proptest::prelude::*;

use super::*;

/// Parameters of a generated stream.
#[derive(Debug, Clone)]
struct Made {
    rows: usize,
    cols: usize,
    components: usize,
    precision: u32,
    selector: u8,
    shift: u32,
    /// Rows between restart markers; 0: none.
    restart: usize,
    /// One scan for each component.
    apart: bool,
    samples: Vec<u16>,
}

impl Made {
    fn stream(&self) -> Vec<u8> {
        let mut stream = vec![0xFF, 0xD8];
        let frame = |id| [id, 0x11, 0];
        let mut body = vec![self.precision as u8];
        body.extend([self.rows, self.cols].map(|side| (side as u16).to_be_bytes()).concat());
        body.push(self.components as u8);
        body.extend((1..=self.components as u8).flat_map(frame));
        segment(&mut stream, 0xC3, &body);
        // 15 codes of 4 bits, one of which stays free, and two of 5
        segment(&mut stream, 0xC4, &[&[0x01, 0, 0, 0, 15, 2][..], &[0; 11], &Vec::from_iter(0..=16)].concat());
        segment(&mut stream, 0xDD, &((self.restart * self.cols) as u16).to_be_bytes());
        let all: Vec<usize> = (0..self.components).collect();
        let scans: Vec<&[usize]> = if self.apart { all.chunks(1).collect() } else { vec![&all] };
        for components in scans {
            let mut header = vec![components.len() as u8];
            header.extend(components.iter().flat_map(|&index| [index as u8 + 1, 0x10]));
            header.extend([self.selector, 0, self.shift as u8]);
            segment(&mut stream, 0xDA, &header);
            self.data(&mut stream, components);
        }
        stream.extend([0xFF, 0xD9]);
        stream
    }

    fn data(&self, stream: &mut Vec<u8>, components: &[usize]) {
        let at = |row: usize, col: usize, index: usize| {
            i32::from(self.samples[(row * self.cols + col) * self.components + index] >> self.shift)
        };
        let mut bits = String::new();
        for row in 0..self.rows {
            let first = if self.restart == 0 { row == 0 } else { row % self.restart == 0 };
            if first && row > 0 {
                flush(stream, &mut bits);
                stream.extend([0xFF, 0xD0 + ((row / self.restart - 1) % 8) as u8]);
            }
            for col in 0..self.cols {
                for &index in components {
                    let predicted = match (first, col) {
                        (true, 0) => 1 << (self.precision - self.shift - 1),
                        (true, _) => at(row, col - 1, index),
                        (false, 0) => at(row - 1, 0, index),
                        _ => {
                            let (a, b) = (at(row, col - 1, index), at(row - 1, col, index));
                            let c = at(row - 1, col - 1, index);
                            [a, b, c, a + b - c, a + (b - c).div_euclid(2), b + (a - c).div_euclid(2), (a + b) / 2]
                                [usize::from(self.selector) - 1]
                        }
                    };
                    push(&mut bits, at(row, col, index) - predicted);
                }
            }
        }
        flush(stream, &mut bits);
    }
}

fn segment(stream: &mut Vec<u8>, marker: u8, body: &[u8]) {
    stream.extend([0xFF, marker]);
    stream.extend((body.len() as u16 + 2).to_be_bytes());
    stream.extend(body);
}

/// Appends a difference, as digits 0 and 1.
fn push(bits: &mut String, difference: i32) {
    let difference = i32::from(difference as i16);
    let length = 32 - difference.unsigned_abs().leading_zeros();
    let code = if length < 15 { format!("{length:04b}") } else { format!("{:05b}", 30 + length - 15) };
    bits.push_str(&code);
    if (1..16).contains(&length) {
        let value = if difference < 0 { difference + (1 << length) - 1 } else { difference };
        bits.push_str(&format!("{value:0width$b}", width = length as usize));
    }
}

/// Appends the bits, padded with ones and with a zero after each 0xFF.
fn flush(stream: &mut Vec<u8>, bits: &mut String) {
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    for byte in bits.as_bytes().chunks(8) {
        let byte = byte.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
        stream.push(byte);
        if byte == 0xFF {
            stream.push(0);
        }
    }
    bits.clear();
}

fn made() -> impl Strategy<Value = Made> {
    let shape = (1..9_usize, 1..9_usize, 1..4_usize, 2..=16_u32);
    (shape, 1..=7_u8, 0..16_u32, 0..4_usize, any::<bool>(), any::<u64>()).prop_map(
        |((rows, cols, components, precision), selector, shift, restart, apart, seed)| {
            let shift = shift % precision;
            let mut state = seed | 1;
            let mut sample = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // extremes are as frequent as all other values
                let value = match state >> 62 {
                    0 => 0,
                    1 => u16::MAX,
                    _ => (state >> 40) as u16,
                };
                (value >> (16 - precision)) >> shift << shift
            };
            let samples = (0..rows * cols * components).map(|_| sample()).collect();
            Made { rows, cols, components, precision, selector, shift, restart, apart, samples }
        },
    )
}

proptest! {
    #[test]
    fn every_stream_is_read_back(made in made()) {
        prop_assert_eq!(decode(&made.stream()), Ok(made.samples));
    }

    #[test]
    fn what_is_cut_off_is_an_error(made in made(), share in 0.0..1.0_f64) {
        let stream = made.stream();
        let length = (share * (stream.len() - 1) as f64) as usize;
        prop_assert!(decode(&stream[..length]).is_err());
        // an end marker does not make it complete
        let scan = stream.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        let data = scan + 2 + usize::from(u16::from_be_bytes([stream[scan + 2], stream[scan + 3]]));
        let cut = [&stream[..data], &[0xFF, 0xD9]].concat();
        prop_assert!(decode(&cut).is_err());
    }

    #[test]
    fn damage_never_panics(made in made(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut stream = made.stream();
        let at = at.index(stream.len());
        stream[at] ^= 1 << bit;
        let _ = decode(&stream);
    }
}

fn plain() -> Made {
    let samples = vec![7, 100, 4095, 0, 4095, 0, 12, 13, 14];
    Made { rows: 3, cols: 3, components: 1, precision: 12, selector: 1, shift: 0, restart: 1, apart: false, samples }
}

#[test]
fn a_lost_restart_interval_is_named() {
    let stream = plain().stream();
    let first = stream.windows(2).position(|pair| pair == [0xFF, 0xD0]).unwrap();
    let second = stream.windows(2).position(|pair| pair == [0xFF, 0xD1]).unwrap();
    let lost = [&stream[..first], &stream[second..]].concat();
    assert_eq!(decode(&lost).unwrap_err(), "expected restart marker 0xFFD0 before row 1 of 3, found 0xFFD1");
}

#[test]
fn a_tail_of_zeros_is_no_image() {
    let stream = plain().stream();
    let end = stream.len() - 2;
    let with = |zeros: usize| [&stream[..end], &vec![0; zeros], &stream[end..]].concat();
    assert_eq!(decode(&with(16)), decode(&stream));
    assert_eq!(decode(&with(17)).unwrap_err(), "17 zeros follow the last pixel: the data before them are damaged");
}

#[test]
fn what_the_process_does_not_have_is_refused() {
    let stream = plain().stream();
    let header = stream.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let with = |at: usize, byte: u8| {
        let mut stream = stream.clone();
        stream[at] = byte;
        decode(&stream).unwrap_err()
    };
    // the predictor, the point transform, the table
    assert_eq!(with(header + 7, 0), "expected a predictor of 1 to 7, found 0");
    assert_eq!(with(header + 9, 12), "a point transform of 12 bits for samples of 12");
    assert_eq!(with(header + 6, 0x20), "no Huffman table 2");
    assert_eq!(decode(&stream[..stream.len() - 2]).unwrap_err(), "the stream ends without its end marker (EOI)");
}
