//! Short ways to put attributes into a data set.

use dicom_core::value::{DataSetSequence, Value};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use pleura::Size;

use crate::{DicomOutError, Kind, Object};

/// A data set or an item of a sequence.
pub struct Set(InMemDicomObject);

impl Set {
    pub fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    /// Adds a text.
    pub fn text(mut self, tag: Tag, vr: VR, value: impl Into<String>) -> Self {
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::from(value.into())));
        self
    }

    /// Adds bytes as they are.
    pub fn bytes(mut self, tag: Tag, vr: VR, mut value: Vec<u8>) -> Self {
        if value.len() % 2 == 1 {
            value.push(if matches!(vr, VR::OB | VR::UI) { 0 } else { b' ' });
        }
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::U8(value.into())));
        self
    }

    /// Adds 16-bit numbers.
    pub fn short(mut self, tag: Tag, value: u16) -> Self {
        self.0.put(DataElement::new(tag, VR::US, PrimitiveValue::U16([value].into_iter().collect())));
        self
    }

    /// Adds the shape of unsigned pixels.
    pub fn pixels(self, size: Size, bits: u16) -> Self {
        self.short(tags::ROWS, size.height as u16)
            .short(tags::COLUMNS, size.width as u16)
            .short(tags::BITS_ALLOCATED, bits)
            .short(tags::BITS_STORED, bits)
            .short(tags::HIGH_BIT, bits - 1)
            .short(tags::PIXEL_REPRESENTATION, 0)
    }

    /// Adds several 16-bit numbers.
    pub fn shorts(mut self, tag: Tag, values: &[u16]) -> Self {
        self.0.put(DataElement::new(tag, VR::US, PrimitiveValue::U16(values.iter().copied().collect())));
        self
    }

    /// Adds 16-bit words, of which there may be more than a length of 16 bits counts.
    pub fn words(mut self, tag: Tag, values: &[u16]) -> Self {
        self.0.put(DataElement::new(tag, VR::OW, PrimitiveValue::U16(values.iter().copied().collect())));
        self
    }

    /// Adds 32-bit floating-point numbers.
    pub fn floats(mut self, tag: Tag, values: &[f32]) -> Self {
        self.0.put(DataElement::new(tag, VR::FL, PrimitiveValue::F32(values.iter().copied().collect())));
        self
    }

    /// Adds signed 32-bit numbers.
    pub fn longs(mut self, tag: Tag, values: &[i32]) -> Self {
        self.0.put(DataElement::new(tag, VR::SL, PrimitiveValue::I32(values.iter().copied().collect())));
        self
    }

    /// Adds a 32-bit number.
    pub fn long(mut self, tag: Tag, value: u32) -> Self {
        self.0.put(DataElement::new(tag, VR::UL, PrimitiveValue::U32([value].into_iter().collect())));
        self
    }

    /// Adds a tag as a value.
    pub fn pointer(mut self, tag: Tag, value: Tag) -> Self {
        self.0.put(DataElement::new(tag, VR::AT, PrimitiveValue::Tags([value].into_iter().collect())));
        self
    }

    /// Adds a sequence.
    pub fn items(mut self, tag: Tag, items: impl IntoIterator<Item = Self>) -> Self {
        let items: Vec<_> = items.into_iter().map(|item| item.0).collect();
        self.0.put(DataElement::new(tag, VR::SQ, Value::Sequence(DataSetSequence::from(items))));
        self
    }

    /// Adds what `add` adds, if there is a value.
    pub fn with<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    /// A file of this data set.
    pub fn write(self, kind: Kind, uid: String) -> Result<Object, DicomOutError> {
        fn fail<E: std::error::Error + Send + Sync + 'static>(kind: Kind) -> impl Fn(E) -> DicomOutError {
            move |source| DicomOutError::Write { kind, source: Box::new(source) }
        }
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(kind.sop_class())
            .media_storage_sop_instance_uid(uid.as_str());
        let file = self.0.with_meta(meta).map_err(fail(kind))?;
        let mut bytes = Vec::new();
        file.write_all(&mut bytes).map_err(fail(kind))?;
        Ok(Object { kind, uid, bytes })
    }
}

/// A coded entry.
pub fn code(value: &str, scheme: &str, meaning: &str) -> Set {
    Set::new().text(tags::CODE_VALUE, VR::SH, value).text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme).text(
        tags::CODE_MEANING,
        VR::LO,
        meaning,
    )
}
