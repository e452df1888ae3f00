//! Compressed images: checked against the header, checked for completeness, decoded, and checked again.

use dicom_dictionary_std::uids;

use super::super::codestream::{Codestream, Kind};
use super::super::error::DicomFault;
use super::super::header::{Header, Photometric};
use super::super::limits::DecodeLimits;
use super::super::samples::{Numbers, Samples};
use super::super::{cost, whole};
use super::{jp2, jpeg, jpeg_ls};

/// Decodes JPEG in all its kinds, chosen by the stream; a transfer syntax that names another kind is remarked.
///
/// # Errors
/// If the image does not match the header, is truncated, takes more memory than allowed, or cannot be decoded.
pub(super) fn compressed(
    syntax: &str,
    frame: &[u8],
    header: &Header,
    limits: DecodeLimits,
    remarks: &mut Vec<String>,
) -> Result<Samples, DicomFault> {
    let frame = bare(frame, remarks)?;
    let stream = Codestream::probe(frame).map_err(DicomFault::Codec)?;
    remarks.extend(mislabelled(syntax, &stream));
    agree(&stream, header)?;
    limits.check(cost::compressed(header, &stream, frame)?)?;
    // the JPEG Lossless decoder checks this itself, and the cost of JPEG 2000 has already required it
    if !matches!(stream.kind, Kind::Jpeg2000 { .. } | Kind::Jpeg { sof: 0xC3, .. }) {
        whole::jpeg(frame)?;
    }
    let (numbers, planar) = match stream.kind {
        Kind::Jpeg { sof, .. } => (jpeg::decode(frame, sof, &stream, remarks)?, false),
        Kind::JpegLs { interleave } => (Numbers::Words(jpeg_ls::decode(frame, &stream, remarks)?), interleave == 0),
        Kind::Jpeg2000 { plain, .. } => (Numbers::Words(jpeg2000(frame, plain, &stream)?), true),
    };
    let expected = stream.rows * stream.cols * stream.components;
    if numbers.len() != expected {
        return Err(mismatch(format!("{expected} samples"), format!("{}", numbers.len())));
    }
    let numbers = if stream.lossy && stream.bits > header.stored {
        Numbers::Words(clamped(numbers.into_words(), &stream, header)?)
    } else {
        numbers
    };
    if !header.signed {
        within_stored(&numbers, &stream, header)?;
    }
    let photometric = colors(&stream, header.photometric)?;
    // a stream of fewer bits has its sign in its own highest bit
    let stored = stream.bits.min(header.stored);
    Ok(Samples { numbers, planar, photometric, stored, high: stored - 1 })
}

/// A remark if the transfer syntax names another kind of image, or promises one without loss.
fn mislabelled(syntax: &str, stream: &Codestream) -> Option<String> {
    let (named, lossless) = match syntax {
        uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT => ("JPEG", false),
        uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => ("JPEG Lossless", true),
        uids::JPEGLS_LOSSLESS => ("JPEG-LS", true),
        uids::JPEGLS_NEAR_LOSSLESS => ("JPEG-LS", false),
        uids::JPEG2000_LOSSLESS => ("JPEG 2000", true),
        uids::JPEG2000 => ("JPEG 2000", false),
        uids::HTJ2K_LOSSLESS | uids::HTJ2K_LOSSLESS_RPCL => ("HTJ2K", true),
        uids::HTJ2K => ("HTJ2K", false),
        _ => return None,
    };
    let found = stream.kind.name();
    if found != named {
        Some(format!("expected {named} data by the transfer syntax, found {found}"))
    } else if lossless && stream.lossy {
        Some(format!("expected lossless {named} data by the transfer syntax, found lossy ones"))
    } else {
        None
    }
}

/// The codestream of a JP2 file, which DICOM does not allow (PS3.5 A.4.4); anything else is returned unchanged.
fn bare<'a>(frame: &'a [u8], remarks: &mut Vec<String>) -> Result<&'a [u8], DicomFault> {
    if !jp2::is_file(frame) {
        return Ok(frame);
    }
    remarks.push("the JPEG 2000 codestream is wrapped in a JP2 file".into());
    jp2::codestream(frame).map_err(DicomFault::Codec)
}

/// Clamps the samples of a lossy image to the stored bits: if the stream has more bits, lossy values may exceed them a
/// little.
///
/// # Errors
/// If they exceed the range by more than losses explain: then the header does not describe this image.
fn clamped(mut words: Vec<u16>, stream: &Codestream, header: &Header) -> Result<Vec<u16>, DicomFault> {
    let (low, high) = header.stored_range();
    // a header with one bit too few misses half of the range
    let margin = (high - low) / 8 + 1;
    for word in &mut words {
        let value = value(*word, stream, header);
        if value < low - margin || value > high + margin {
            return Err(mismatch(format!("{} bits stored", header.stored), format!("values as {value}")));
        }
        *word = value.clamp(low, high) as u16;
    }
    Ok(words)
}

/// The number that a word of the stream stands for.
fn value(word: u16, stream: &Codestream, header: &Header) -> i32 {
    let unused = 32 - stream.bits.clamp(1, 16);
    let bits = u32::from(word) << unused;
    if header.signed { bits.cast_signed() >> unused } else { (bits >> unused).cast_signed() }
}

/// Whether the samples have no more bits than the header says. If a stream keeps all allocated bits, the upper ones may
/// hold overlays, and are dropped as in uncompressed images. Differences of JPEG Lossless may wrap beyond the stream's
/// own bits, which does not contradict the header.
fn within_stored(numbers: &Numbers, stream: &Codestream, header: &Header) -> Result<(), DicomFault> {
    if stream.bits == header.allocated {
        return Ok(());
    }
    let own = u32::MAX >> (32 - stream.bits.clamp(1, 32));
    let used = u32::from(numbers.used()) & own;
    if used >> header.stored != 0 {
        return Err(mismatch(format!("{} bits stored", header.stored), "values of more".into()));
    }
    Ok(())
}

fn mismatch(expected: String, actual: String) -> DicomFault {
    DicomFault::Mismatch { expected, actual }
}

/// Whether the compressed image is what the header describes.
fn agree(stream: &Codestream, header: &Header) -> Result<(), DicomFault> {
    let size = |rows: usize, cols: usize, samples: usize| format!("{rows}×{cols} pixels of {samples} samples");
    let expected = (header.rows, header.cols, header.samples);
    let actual = (stream.rows, stream.cols, stream.components);
    if expected != actual {
        return Err(mismatch(size(expected.0, expected.1, expected.2), size(actual.0, actual.1, actual.2)));
    }
    if stream.bits > header.allocated {
        return Err(mismatch(format!("{} bits allocated", header.allocated), format!("{} bits", stream.bits)));
    }
    if header.high + 1 != header.stored {
        let reason = "expected BitsStored - 1 in a compressed image";
        return Err(DicomFault::invalid("HighBit", header.high, reason));
    }
    Ok(())
}

/// The photometric interpretation of the decoded samples.
fn colors(stream: &Codestream, photometric: Photometric) -> Result<Photometric, DicomFault> {
    use Photometric::{Rgb, YbrFull, YbrFull422, YbrJpeg2000};
    let lossless = matches!(stream.kind, Kind::Jpeg { sof: 0xC3, .. } | Kind::JpegLs { .. });
    Ok(match (photometric, &stream.kind) {
        // markers in the stream are more often right than the header
        (Rgb | YbrFull | YbrFull422, Kind::Jpeg { jfif, adobe, named_rgb, .. }) if !lossless => {
            let luma_first = photometric != Rgb || *jfif || *adobe == Some(1);
            if *named_rgb || *adobe == Some(0) || !luma_first { Rgb } else { YbrFull }
        }
        // in compressed data, the codec handles subsampling
        (YbrFull422, _) => YbrFull,
        (YbrJpeg2000, Kind::Jpeg { .. } | Kind::JpegLs { .. }) => {
            return Err(mismatch("JPEG 2000's colours".into(), "another codec's".into()));
        }
        (other, _) => other,
    })
}

fn jpeg2000(frame: &[u8], plain: bool, stream: &Codestream) -> Result<Vec<u16>, DicomFault> {
    if !plain {
        return Err(DicomFault::Unsupported("JPEG 2000 with components of different kinds".into()));
    }
    if stream.bits > 16 {
        return Err(DicomFault::Unsupported(format!("JPEG 2000 of {} bits", stream.bits)));
    }
    // OpenJPEG is strict by default: a truncated stream is an error, not a blurred image
    let image = jpeg2k::Image::from_bytes(frame).map_err(|error| DicomFault::Codec(error.to_string()))?;
    Ok(image.components().iter().flat_map(|component| component.data()).map(|&sample| sample as u16).collect())
}

#[cfg(all(test, feature = "jpeg-ls"))]
mod tests;
