//! DICOM files, processed in the standard's order.
//!
//! 1. samples: decompressed, unused bits masked, sign extended, colours to luma;
//! 2. modality values: modality LUT, or else rescale slope and intercept;
//! 3. window: VOI LUT, or else the first window, stored and applied on request;
//! 4. inversion of MONOCHROME1: noted here, applied last by [`Radiograph::intensities`].

use std::panic;
use std::path::Path;

use dicom_dictionary_std::{tags, uids};
use ndarray::Array2;

use super::acquisition::Acquisition;
use super::attributes::Attributes;
use super::dataset;
use super::encoded::{self, Dataset};
use super::error::{DicomFault, RadiographError};
use super::header::{Header, Photometric};
use super::limits::{DecodeLimits, Extent};
use super::lut::{Lut, Palette};
use super::values::{GreyValues, Values};
use super::window::{Voi, VoiLutFunction, Window};
use super::{ImageHeader, Radiograph, SourceAttributes, Tags, codec, object};
use crate::Size;

/// Decodes a DICOM file's bytes.
pub(super) fn decode(bytes: &[u8], path: &Path, limits: DecodeLimits) -> Result<Radiograph, RadiographError> {
    parsed(bytes, path, Extent::Whole(limits), |dataset, path| radiograph(dataset, path, limits))
}

/// Reads id and size of a DICOM file's image.
pub(super) fn glance(bytes: &[u8], path: &Path) -> Result<ImageHeader, RadiographError> {
    parsed(bytes, path, Extent::BeforePixels, |dataset, path| {
        ensure_pixels(dataset)?;
        let header = Header::read(&dataset.attributes)?;
        Ok(ImageHeader { id: id(&dataset.attributes, path), size: Size::new(header.rows, header.cols) })
    })
}

/// Reads a DICOM file's tags.
pub(super) fn tags(bytes: &[u8], path: &Path) -> Result<Tags, RadiographError> {
    parsed(bytes, path, Extent::BeforePixels, |dataset, path| {
        let id = id(&dataset.attributes, path);
        Ok(Tags::new(&dataset.attributes, &dataset.syntax, id))
    })
}

/// The kind of a DICOM object without pixels, if objects of its kind have none; `None` for any other file.
pub(super) fn without_pixels(bytes: &[u8]) -> Option<String> {
    let encoded = encoded::open(bytes, Extent::BeforePixels).ok()?;
    object::without_pixels(&encoded.parse().ok()?)
}

/// Parses a file and reads a value from its data set; errors name the file and its syntax.
fn parsed<T>(
    bytes: &[u8],
    path: &Path,
    extent: Extent,
    read: impl FnOnce(&Dataset, &Path) -> Result<T, DicomFault>,
) -> Result<T, RadiographError> {
    let fail = |(syntax, fault)| RadiographError::Dicom { path: path.into(), syntax, fault };
    let encoded = encoded::open(bytes, extent).map_err(fail)?;
    let dataset = encoded.parse().map_err(fail)?;
    let syntax = encoded::describe(&dataset.syntax);
    contained(|| read(&dataset, path))
        .unwrap_or_else(|reason| Err(DicomFault::Codec(reason)))
        .map_err(|fault| fail((syntax, fault)))
}

/// The data set's own id, or else the file's stem.
fn id(attributes: &Attributes, path: &Path) -> String {
    dataset::text(attributes, tags::SOP_INSTANCE_UID).unwrap_or_else(|| super::id::stem(path))
}

/// Runs third-party parsers and decoders, which may panic on broken data.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // no state outlives the panic: all data that the closure sees is shared and read-only
    panic::catch_unwind(panic::AssertUnwindSafe(work)).map_err(|cause| {
        let message = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
        format!("the decoder panicked: {}", message.unwrap_or("no message"))
    })
}

fn radiograph(dataset: &Dataset, path: &Path, limits: DecodeLimits) -> Result<Radiograph, DicomFault> {
    let attributes = &dataset.attributes;
    ensure_pixels(dataset)?;
    if !object::has_pixels(attributes) {
        return Err(DicomFault::Missing("PixelData"));
    }
    let mut remarks = dataset.remarks.clone();
    let header = Header::read(attributes)?;
    remarks.extend(small_letters(attributes));
    remarks.extend(empty_luts(attributes));
    // inflated data is kept until the pixels are decoded
    let deflated = dataset.syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
    let limits = limits.holding(if deflated { header.native_bytes() as u64 } else { 0 });
    let palette = match header.photometric {
        Photometric::Palette => Some(Palette::read(attributes, header.signed)?),
        _ => None,
    };
    let samples = codec::decode(dataset, &header, limits, &mut remarks)?.grey(&header, palette.as_ref())?;
    let modality = Modality::read(attributes, &header, palette.as_ref())?;
    let values = match &modality {
        Modality::Identity => samples,
        modality => {
            let all = |samples: &Array2<f32>| samples.mapv(|sample| modality.apply(sample));
            GreyValues::Floats(Values::from(samples).through(all).all())
        }
    };
    let voi = voi(attributes, &header, &modality, &mut remarks);
    Ok(Radiograph {
        id: id(attributes, path),
        path: path.into(),
        values: values.into(),
        range: modality.range(&header, palette.as_ref()),
        voi,
        inverted: header.photometric == Photometric::Monochrome1,
        spacing: spacing(attributes),
        acquisition: Acquisition::of_dicom(attributes),
        source: Some(Box::new(SourceAttributes::new(attributes))),
        remarks,
        digest: std::sync::OnceLock::new(),
    })
}

/// # Errors
/// If the object has no pixels, as objects of its kind have none.
fn ensure_pixels(dataset: &Dataset) -> Result<(), DicomFault> {
    object::without_pixels(dataset).map_or(Ok(()), |what| Err(DicomFault::NoPixels(what)))
}

/// A remark on a photometric interpretation that is not in capitals, as code strings must be.
fn small_letters(attributes: &Attributes) -> Option<String> {
    let written = dataset::text(attributes, tags::PHOTOMETRIC_INTERPRETATION)?;
    let code = dataset::code(attributes, tags::PHOTOMETRIC_INTERPRETATION)?;
    (written != code).then(|| format!("its PhotometricInterpretation is {written}: read as {code}"))
}

/// Remarks on LUT sequences whose items have no table.
fn empty_luts(attributes: &Attributes) -> impl Iterator<Item = String> {
    let luts = [(tags::MODALITY_LUT_SEQUENCE, "modality LUT"), (tags::VOILUT_SEQUENCE, "VOI LUT")];
    let empty = luts.into_iter().filter(|&(tag, _)| dataset::has_empty_items(attributes, tag));
    empty.map(|(_, name)| format!("ignoring the {name}: its item is empty"))
}

/// Whether rescaled values are finite, and the ends of the range still differ, in the stored precision.
fn rescales_to_numbers(slope: f64, intercept: f64, (low, high): (i32, i32)) -> bool {
    let ends = [low, high].map(|end| (f64::from(end) * slope + intercept) as f32);
    ends.iter().all(|end| end.is_finite()) && ends[0] != ends[1]
}

/// From stored values to modality values.
#[derive(Debug, Clone, PartialEq)]
enum Modality {
    Identity,
    Rescale { slope: f64, intercept: f64 },
    Lut(Lut),
}

impl Modality {
    /// A modality LUT has precedence over rescale. Colours have neither.
    fn read(attributes: &Attributes, header: &Header, palette: Option<&Palette>) -> Result<Self, DicomFault> {
        if header.is_color() || palette.is_some() {
            return Ok(Self::Identity);
        }
        if let Some(item) = dataset::item(attributes, tags::MODALITY_LUT_SEQUENCE) {
            return Ok(Self::Lut(Lut::from_item(item, header.signed)?));
        }
        let group = dataset::group(attributes, tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, tags::RESCALE_SLOPE);
        let attributes = group.unwrap_or(attributes);
        let first = |numbers: Option<Vec<f64>>| numbers.and_then(|numbers| numbers.first().copied());
        let slope = first(dataset::decimals(attributes, tags::RESCALE_SLOPE, "RescaleSlope")?);
        let intercept = first(dataset::decimals(attributes, tags::RESCALE_INTERCEPT, "RescaleIntercept")?);
        match (slope.unwrap_or(1.0), intercept.unwrap_or(0.0)) {
            (0.0, _) => Err(DicomFault::invalid("RescaleSlope", 0, "all values would be equal")),
            (slope, intercept) if !rescales_to_numbers(slope, intercept, header.stored_range()) => {
                let reason = format!("with an intercept of {intercept}, values would overflow or all be equal");
                Err(DicomFault::invalid("RescaleSlope", slope, reason))
            }
            (slope, intercept) if (slope, intercept) == (1.0, 0.0) => Ok(Self::Identity),
            (slope, intercept) => Ok(Self::Rescale { slope, intercept }),
        }
    }

    fn apply(&self, sample: f32) -> f32 {
        match self {
            Self::Identity => sample,
            Self::Rescale { slope, intercept } => (f64::from(sample) * slope + intercept) as f32,
            Self::Lut(lut) => lut.get(sample as i32).into(),
        }
    }

    /// The lowest and the highest possible value; a negative slope swaps the ends.
    fn range(&self, header: &Header, palette: Option<&Palette>) -> (f32, f32) {
        if let Some(palette) = palette {
            return (0.0, palette.green.max().into());
        }
        if let Self::Lut(lut) = self {
            return (0.0, lut.max().into());
        }
        let (low, high) = header.stored_range();
        let (low, high) = (self.apply(low as f32), self.apply(high as f32));
        (low.min(high), low.max(high))
    }

    /// Whether values can be negative, which determines the sign of a VOI LUT's first value.
    fn signed(&self, header: &Header) -> bool {
        self.range(header, None).0 < 0.0
    }
}

/// The file's VOI LUT, or else its first window. Colours have neither. An unusable one becomes a remark.
fn voi(attributes: &Attributes, header: &Header, modality: &Modality, remarks: &mut Vec<String>) -> Option<Voi> {
    if header.is_color() || header.photometric == Photometric::Palette {
        return None;
    }
    let lut =
        dataset::item(attributes, tags::VOILUT_SEQUENCE).map(|item| Lut::from_item(item, modality.signed(header)));
    match lut {
        Some(Ok(lut)) => {
            remarks.extend(lut.unused_bits());
            return Some(Voi::Lut(lut));
        }
        Some(Err(fault)) => remarks.push(format!("ignoring the VOI LUT: {fault}")),
        None => {}
    }
    window(attributes).unwrap_or_else(|fault| {
        remarks.push(format!("ignoring the window: {fault}"));
        None
    })
}

/// The file's first window.
fn window(attributes: &Attributes) -> Result<Option<Voi>, DicomFault> {
    let Some(group) = dataset::group(attributes, tags::FRAME_VOILUT_SEQUENCE, tags::WINDOW_CENTER) else {
        return Ok(None);
    };
    let center = dataset::decimals(group, tags::WINDOW_CENTER, "WindowCenter")?;
    let width = dataset::decimals(group, tags::WINDOW_WIDTH, "WindowWidth")?;
    let (Some(center), Some(width)) = (center, width) else { return Err(DicomFault::Missing("WindowWidth")) };
    let window = Window { center: center[0], width: width[0], function: function(group)? };
    let narrowest = if window.function == VoiLutFunction::Linear { 1.0 } else { f64::MIN_POSITIVE };
    if window.width < narrowest {
        return Err(DicomFault::invalid("WindowWidth", window.width, "expected at least 1 (above 0 if not LINEAR)"));
    }
    Ok(Some(Voi::Window(window)))
}

fn function(attributes: &Attributes) -> Result<VoiLutFunction, DicomFault> {
    match dataset::code(attributes, tags::VOILUT_FUNCTION).as_deref() {
        None | Some("LINEAR") => Ok(VoiLutFunction::Linear),
        Some("LINEAR_EXACT") => Ok(VoiLutFunction::LinearExact),
        Some("SIGMOID") => Ok(VoiLutFunction::Sigmoid),
        Some(other) => Err(DicomFault::invalid("VOILUTFunction", other, "expected LINEAR, LINEAR_EXACT or SIGMOID")),
    }
}

/// Row and column spacing in mm: in the patient if known, else at the detector.
pub(super) fn spacing(attributes: &Attributes) -> Option<(f32, f32)> {
    let group = dataset::group(attributes, tags::PIXEL_MEASURES_SEQUENCE, tags::PIXEL_SPACING).unwrap_or(attributes);
    [(tags::PIXEL_SPACING, "PixelSpacing"), (tags::IMAGER_PIXEL_SPACING, "ImagerPixelSpacing")]
        .into_iter()
        .filter_map(|(tag, name)| dataset::decimals(group, tag, name).ok().flatten())
        .find_map(|numbers| match numbers.as_slice() {
            &[row, column] if row > 0.0 && column > 0.0 => Some((row as f32, column as f32)),
            _ => None,
        })
}
