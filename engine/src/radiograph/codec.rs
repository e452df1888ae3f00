//! From the pixel data element to samples, whatever the transfer syntax.
//!
//! The decoders are those that `dicom-pixeldata` uses, but for JPEG Lossless, which is read here. They are called here,
//! and not through its adapters, because those trust the header: an image that is smaller than claimed is padded with black, a larger one panics, a JPEG of
//! fewer bits is misread, colours are converted by guess. Here a compressed image must be what the header says before
//! a decoder sees it.

use std::borrow::Cow;

use dicom_dictionary_std::{tags, uids};
use jpeg_decoder::{ColorTransform, Decoder};

use super::attributes::Attributes;
use super::codestream::{Codestream, Kind};
use super::dataset::{self, Dataset, EXPLICIT_VR_BIG_ENDIAN};
use super::error::DicomFault;
use super::header::{Header, Photometric};
use super::limits::DecodeLimits;
use super::samples::{Samples, widen};
use super::{cost, jpeg_lossless, packbits, whole};

/// Images of more bytes than this must not be compressed by more than `MAX_RATIO`.
const LARGE: usize = 64 << 20;
/// Far above what any radiograph reaches; a broken header's claim is above it.
const MAX_RATIO: usize = 1000;

/// Decodes the pixel data of a single frame.
///
/// # Errors
/// Where it is missing, is not what the header says, or is in a syntax or a format that is not read.
pub(super) fn decode(dataset: &Dataset, header: &Header, limits: DecodeLimits) -> Result<Samples, DicomFault> {
    match dataset.syntax.as_str() {
        uids::IMPLICIT_VR_LITTLE_ENDIAN
        | uids::EXPLICIT_VR_LITTLE_ENDIAN
        | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
        | EXPLICIT_VR_BIG_ENDIAN => {
            limits.check(cost::native(header))?;
            native(&dataset.attributes, header)
        }
        uids::RLE_LOSSLESS => {
            limits.check(cost::rle(header))?;
            rle(&frame(&dataset.attributes, header)?, header)
        }
        uids::JPEG_BASELINE8_BIT
        | uids::JPEG_EXTENDED12_BIT
        | uids::JPEG_LOSSLESS
        | uids::JPEG_LOSSLESS_SV1
        | uids::JPEGLS_LOSSLESS
        | uids::JPEGLS_NEAR_LOSSLESS
        | uids::JPEG2000_LOSSLESS
        | uids::JPEG2000 => compressed(&frame(&dataset.attributes, header)?, header, limits),
        _ => Err(DicomFault::Unsupported("this transfer syntax".into())),
    }
}

/// Pixel data that are not compressed. Padding may follow (PS3.5 8.1.1), but not as much as another image would take: then
/// the header is of something else.
fn native(attributes: &Attributes, header: &Header) -> Result<Samples, DicomFault> {
    let bytes = dataset::samples(attributes, header.allocated).ok_or_else(|| no_pixels(attributes))?;
    let expected = header.native_bytes();
    match bytes.get(..expected) {
        Some(image) if bytes.len() < 2 * expected || bytes.len() == expected.next_multiple_of(2) => {
            Ok(Samples::native(header, image))
        }
        _ => Err(DicomFault::Length { expected: expected as u64, actual: bytes.len() as u64 }),
    }
}

/// A remark on bytes that follow an image which is not compressed, other than one to make them even.
pub(super) fn padding(attributes: &Attributes, header: &Header) -> Option<String> {
    let padding =
        dataset::attribute(attributes, tags::PIXEL_DATA)?.bytes()?.len().checked_sub(header.native_bytes())?;
    (padding > 1).then(|| format!("{padding} bytes follow its pixels and are ignored"))
}

fn no_pixels(attributes: &Attributes) -> DicomFault {
    if attributes.get(tags::FLOAT_PIXEL_DATA).is_some() || attributes.get(tags::DOUBLE_FLOAT_PIXEL_DATA).is_some() {
        DicomFault::Unsupported("pixel data in floating point".into())
    } else if dataset::frame(attributes).is_some() {
        DicomFault::Codec("the pixel data are compressed, the transfer syntax says that they are not".into())
    } else {
        DicomFault::Missing("PixelData")
    }
}

/// The one frame's bytes, which may lie in several fragments.
fn frame<'a>(attributes: &Attributes<'a>, header: &Header) -> Result<Cow<'a, [u8]>, DicomFault> {
    if attributes.get(tags::PIXEL_DATA).is_none() {
        return Err(no_pixels(attributes));
    }
    let frame = dataset::frame(attributes)
        .ok_or_else(|| DicomFault::Codec("the pixel data are not compressed, as the transfer syntax says".into()))?;
    if header.native_bytes() > LARGE && header.native_bytes() / MAX_RATIO > frame.len() {
        return Err(DicomFault::Length { expected: header.native_bytes() as u64, actual: frame.len() as u64 });
    }
    Ok(frame)
}

fn rle(frame: &[u8], header: &Header) -> Result<Samples, DicomFault> {
    if header.photometric == Photometric::YbrFull422 {
        return Err(DicomFault::Unsupported("YBR_FULL_422 in RLE".into()));
    }
    let words =
        packbits::decode(frame, header.pixels(), header.samples, header.allocated).map_err(DicomFault::Codec)?;
    let Header { photometric, stored, high, .. } = *header;
    Ok(Samples { words, planar: true, photometric, stored, high })
}

/// JPEG in all its kinds: the stream, not the transfer syntax, says which.
fn compressed(frame: &[u8], header: &Header, limits: DecodeLimits) -> Result<Samples, DicomFault> {
    let stream = Codestream::probe(frame).map_err(DicomFault::Codec)?;
    agree(&stream, header)?;
    limits.check(cost::compressed(header, &stream, frame)?)?;
    // the decoder of JPEG Lossless checks that by itself, and the cost of JPEG 2000 has needed it
    if !matches!(stream.kind, Kind::Jpeg2000 { .. } | Kind::Jpeg { sof: 0xC3, .. }) {
        whole::jpeg(frame)?;
    }
    let (words, planar) = match stream.kind {
        Kind::Jpeg { sof, .. } => (jpeg(frame, sof, &stream)?, false),
        Kind::JpegLs { interleave } => (jpeg_ls(frame, &stream)?, interleave == 0),
        Kind::Jpeg2000 { plain } => (jpeg2000(frame, plain, &stream)?, true),
    };
    let expected = stream.rows * stream.cols * stream.components;
    if words.len() != expected {
        return Err(mismatch(format!("{expected} samples"), format!("{}", words.len())));
    }
    if !header.signed {
        within_stored(&words, &stream, header)?;
    }
    let photometric = colors(&stream, header.photometric)?;
    // a stream of fewer bits has its sign in its own highest bit
    let stored = stream.bits.min(header.stored);
    Ok(Samples { words, planar, photometric, stored, high: stored - 1 })
}

/// Whether the samples have no more bits than the header says. Of a stream that keeps all bits allocated, the upper ones
/// may hold overlays, and are dropped as they are where nothing is compressed. Differences of JPEG Lossless may wrap
/// beyond the stream's own bits, which says nothing of the header.
fn within_stored(words: &[u16], stream: &Codestream, header: &Header) -> Result<(), DicomFault> {
    let lossy = matches!(stream.kind, Kind::Jpeg { sof, .. } if sof != 0xC3);
    if stream.bits == header.allocated && !lossy {
        return Ok(());
    }
    let own = u32::MAX >> (32 - stream.bits.clamp(1, 32));
    let used = words.iter().fold(0, |all, &word| all | u32::from(word)) & own;
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
        let reason = "in a compressed image it is BitsStored - 1";
        return Err(DicomFault::invalid("HighBit", header.high, reason));
    }
    Ok(())
}

/// What the decoded samples are.
fn colors(stream: &Codestream, photometric: Photometric) -> Result<Photometric, DicomFault> {
    use Photometric::{Rgb, YbrFull, YbrFull422, YbrJpeg2000};
    let lossless = matches!(stream.kind, Kind::Jpeg { sof: 0xC3, .. } | Kind::JpegLs { .. });
    Ok(match (photometric, &stream.kind) {
        // markers in the stream are more often right than the header
        (Rgb | YbrFull | YbrFull422, Kind::Jpeg { jfif, adobe, named_rgb, .. }) if !lossless => {
            let luma_first = photometric != Rgb || *jfif || *adobe == Some(1);
            if *named_rgb || *adobe == Some(0) || !luma_first { Rgb } else { YbrFull }
        }
        // compressed, the subsampling is the codec's affair
        (YbrFull422, _) => YbrFull,
        (YbrJpeg2000, Kind::Jpeg { .. } | Kind::JpegLs { .. }) => {
            return Err(mismatch("JPEG 2000's colours".into(), "another codec's".into()));
        }
        (other, _) => other,
    })
}

fn jpeg(frame: &[u8], sof: u8, stream: &Codestream) -> Result<Vec<u16>, DicomFault> {
    match (sof, stream.bits) {
        (0xC0..=0xC2, 8) => {}
        (0xC3, _) => return jpeg_lossless::decode(frame).map_err(DicomFault::Codec),
        (0xC0..=0xC2, bits) => return Err(DicomFault::Unsupported(format!("JPEG of {bits} bits with losses"))),
        _ => return Err(DicomFault::Unsupported(format!("JPEG process 0x{sof:X}"))),
    }
    let mut decoder = Decoder::new(frame);
    if stream.components == 3 {
        // not converted, only interleaved: `None` would leave planes within each line
        decoder.set_color_transform(ColorTransform::RGB);
    }
    let bytes = decoder.decode().map_err(|error| DicomFault::Codec(error.to_string()))?;
    Ok(widen(&bytes, 8))
}

fn jpeg_ls(frame: &[u8], stream: &Codestream) -> Result<Vec<u16>, DicomFault> {
    let bytes = charls::CharLS::default().decode(frame).map_err(|error| DicomFault::Codec(error.to_string()))?;
    if stream.bits <= 8 {
        return Ok(widen(&bytes, 8));
    }
    Ok(bytes.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect())
}

fn jpeg2000(frame: &[u8], plain: bool, stream: &Codestream) -> Result<Vec<u16>, DicomFault> {
    if !plain {
        return Err(DicomFault::Unsupported("JPEG 2000 with components of different kinds".into()));
    }
    if stream.bits > 16 {
        return Err(DicomFault::Unsupported(format!("JPEG 2000 of {} bits", stream.bits)));
    }
    // OpenJPEG is strict unless told otherwise: a truncated stream is an error, not a blurred image
    let image = jpeg2k::Image::from_bytes(frame).map_err(|error| DicomFault::Codec(error.to_string()))?;
    Ok(image.components().iter().flat_map(|component| component.data()).map(|&sample| sample as u16).collect())
}

#[cfg(test)]
mod tests {
    use charls::{CharLS, FrameInfo};

    use super::*;

    fn header(samples: usize, allocated: u32, stored: u32, photometric: Photometric) -> Header {
        let high = stored - 1;
        Header { rows: 2, cols: 3, samples, allocated, stored, high, signed: false, photometric, planar: false }
    }

    fn encode(samples: i32, bits: i32, bytes: &[u8]) -> Vec<u8> {
        let info = FrameInfo { width: 3, height: 2, bits_per_sample: bits, component_count: samples };
        CharLS::default().encode(info, 0, bytes).unwrap()
    }

    #[test]
    fn jpeg_ls_of_twelve_bits() {
        let words = [0_u16, 1, 4095, 2048, 77, 1000];
        let frame = encode(1, 12, &words.map(u16::to_le_bytes).concat());
        let decoded =
            compressed(&frame, &header(1, 16, 12, Photometric::Monochrome2), DecodeLimits::default()).unwrap();
        assert_eq!((decoded.words, decoded.stored, decoded.high), (words.to_vec(), 12, 11));
        // the stream has values of more bits than the header grants
        let fault =
            compressed(&frame, &header(1, 16, 11, Photometric::Monochrome2), DecodeLimits::default()).unwrap_err();
        assert!(matches!(fault, DicomFault::Mismatch { .. }), "{fault}");
    }

    #[test]
    fn jpeg_ls_is_cut_nowhere() {
        let words = [0_u16, 1, 4095, 2048, 77, 1000];
        let frame = encode(1, 12, &words.map(u16::to_le_bytes).concat());
        let header = header(1, 16, 12, Photometric::Monochrome2);
        for length in 0..frame.len() {
            let whole = compressed(&frame[..length], &header, DecodeLimits::default());
            assert!(whole.is_err(), "{length} of {} bytes", frame.len());
        }
        let fault = compressed(&frame, &header, DecodeLimits::new(1000)).unwrap_err();
        assert!(matches!(fault, DicomFault::Memory(_)), "{fault}");
    }

    #[test]
    fn jpeg_ls_colors_by_plane() {
        // the encoder's default is one scan a plane
        let planes = [[255, 0, 0, 9, 9, 9], [0, 255, 0, 9, 9, 9], [0, 0, 255, 9, 9, 9]].concat();
        let frame = encode(3, 8, &planes);
        let header = header(3, 8, 8, Photometric::Rgb);
        let decoded = compressed(&frame, &header, DecodeLimits::default()).unwrap();
        assert!(decoded.planar);
        assert_eq!(decoded.grey(&header, None).unwrap(), [76.245, 149.685, 29.07, 9.0, 9.0, 9.0]);
    }

    #[test]
    fn what_the_markers_say_of_colors_goes_before_the_header() {
        use Photometric::{Rgb, YbrFull, YbrFull422};
        let stream = |sof, jfif, adobe, named_rgb| Codestream {
            rows: 2,
            cols: 3,
            components: 3,
            bits: 8,
            kind: Kind::Jpeg { sof, jfif, adobe, named_rgb },
        };
        let cases = [
            (stream(0xC0, false, None, false), Rgb, Rgb),
            (stream(0xC0, true, None, false), Rgb, YbrFull),
            (stream(0xC0, false, Some(1), false), Rgb, YbrFull),
            (stream(0xC0, false, None, false), YbrFull422, YbrFull),
            (stream(0xC0, false, Some(0), false), YbrFull422, Rgb),
            (stream(0xC0, false, None, true), YbrFull, Rgb),
            (stream(0xC3, true, None, false), Rgb, Rgb),
            (stream(0xC3, false, None, false), YbrFull422, YbrFull),
        ];
        for (stream, header, expected) in cases {
            assert_eq!(colors(&stream, header), Ok(expected), "{stream:?}, {header:?}");
        }
        assert!(colors(&stream(0xC0, false, None, false), Photometric::YbrJpeg2000).is_err());
    }
}
