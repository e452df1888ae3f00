//! RLE Lossless: byte planes in PackBits (DICOM PS3.5 annex G).

/// Words from one frame's bytes: byte planes of `pixels` bytes, the more significant plane of a sample first. Samples
/// are ordered by plane.
///
/// # Errors
/// If the frame has another number of planes, or one of them is broken or short.
pub(super) fn decode(frame: &[u8], pixels: usize, samples: usize, allocated: u32) -> Result<Vec<u16>, String> {
    let bytes_each = allocated as usize / 8;
    let segments = segments(frame)?;
    if segments.len() != samples * bytes_each {
        return Err(format!("found {} segments, expected {}", segments.len(), samples * bytes_each));
    }
    let mut words = vec![0; samples * pixels];
    for (sample, planes) in segments.chunks_exact(bytes_each).enumerate() {
        let words = &mut words[sample * pixels..][..pixels];
        for plane in planes {
            for (word, byte) in words.iter_mut().zip(unpack(plane, pixels)?) {
                *word = *word << 8 | u16::from(byte);
            }
        }
    }
    Ok(words)
}

/// The header: the number of segments, then fifteen offsets.
fn segments(frame: &[u8]) -> Result<Vec<&[u8]>, String> {
    let header = frame.get(..64).ok_or("the frame is shorter than its header")?;
    let numbers: Vec<usize> =
        header.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let count = numbers[0];
    if !(1..=15).contains(&count) {
        return Err(format!("{count} segments"));
    }
    let ends = numbers[2..=count].iter().copied().chain([frame.len()]);
    let ranges = numbers[1..=count].iter().zip(ends);
    ranges.map(|(&from, to)| frame.get(from..to).ok_or(format!("a segment of bytes {from}..{to}"))).collect()
}

/// Exactly `length` bytes from a segment; padding after them is ignored.
fn unpack(mut packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let short = || format!("a segment ends after {} of {length} bytes", bytes.len());
        let (&control, rest) = packed.split_first().ok_or_else(short)?;
        match control {
            // this many literal bytes
            0..=127 => {
                let run = rest.get(..usize::from(control) + 1).ok_or_else(short)?;
                packed = &rest[run.len()..];
                bytes.extend_from_slice(run);
            }
            128 => packed = rest,
            // one byte, repeated
            129..=255 => {
                let (&byte, rest) = rest.split_first().ok_or_else(short)?;
                packed = rest;
                bytes.resize(bytes.len() + 257 - usize::from(control), byte);
            }
        }
    }
    if bytes.len() > length {
        return Err(format!("a segment has more than {length} bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packbits_example() {
        // the example of Apple's technical note TN1023
        let packed = [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let mut plain = vec![0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0x22];
        plain.extend([0xAA; 10]);
        assert_eq!(unpack(&packed, 24), Ok(plain));
        assert!(unpack(&packed, 25).unwrap_err().contains("ends after 24 of 25"));
        assert!(unpack(&packed, 23).unwrap_err().contains("more than 23"));
        assert!(unpack(&[0x05, 1, 2], 6).is_err());
    }

    #[test]
    fn words_have_the_high_byte_first() {
        let mut frame = vec![0; 64];
        frame[0] = 2;
        frame[4] = 64;
        frame[8] = 67;
        frame.extend([1, 0x12, 0x34, 1, 0x56, 0x78]);
        assert_eq!(decode(&frame, 2, 1, 16), Ok(vec![0x1256, 0x3478]));
        assert!(decode(&frame, 2, 1, 8).is_err());
        frame[8] = 200;
        assert!(decode(&frame, 2, 1, 16).is_err());
    }
}
