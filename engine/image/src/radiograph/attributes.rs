//! The attributes that the engine reads, from a data set or a sequence item.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use super::source::SOURCE_TAGS;

/// The attributes that are kept of a data set, besides [`SOURCE_TAGS`]. Others are skipped, so the memory for a file's attributes does not
/// depend on what else the file contains.
const KEPT: [Tag; 37] = [
    tags::FILE_META_INFORMATION_GROUP_LENGTH,
    tags::MEDIA_STORAGE_SOP_CLASS_UID,
    tags::MEDIA_STORAGE_SOP_INSTANCE_UID,
    tags::TRANSFER_SYNTAX_UID,
    tags::IMPLEMENTATION_CLASS_UID,
    tags::SOURCE_APPLICATION_ENTITY_TITLE,
    tags::SENDING_APPLICATION_ENTITY_TITLE,
    tags::RECEIVING_APPLICATION_ENTITY_TITLE,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::PLANAR_CONFIGURATION,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::MODALITY_LUT_SEQUENCE,
    tags::LUT_DESCRIPTOR,
    tags::LUT_DATA,
    tags::VOILUT_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::FRAME_VOILUT_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::FLOAT_PIXEL_DATA,
    tags::DOUBLE_FLOAT_PIXEL_DATA,
    tags::PIXEL_DATA,
];

/// The attributes of a data set or an item.
#[derive(Debug, Default)]
pub(super) struct Attributes<'a> {
    attributes: Vec<Attribute<'a>>,
}

/// An attribute, with its value as in the file.
#[derive(Debug)]
pub(super) struct Attribute<'a> {
    pub(super) tag: Tag,
    /// The value representation in the file, which may be wrong.
    pub(super) vr: Option<VR>,
    /// Whether multi-byte numbers are big endian.
    pub(super) big_endian: bool,
    pub(super) value: Value<'a>,
}

/// What an attribute holds.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// Text or numbers.
    Bytes(&'a [u8]),
    /// The first item of a sequence that holds any kept attribute, or an empty one if none does; `None` without items.
    Item(Option<Box<Attributes<'a>>>),
    /// Items with the parts of a compressed image, from the first item's header on; the first is the offset table.
    Fragments(&'a [u8]),
}

impl<'a> Attributes<'a> {
    /// Whether an attribute of this tag is kept.
    pub(super) fn keeps(tag: Tag) -> bool {
        KEPT.contains(&tag) || SOURCE_TAGS.contains(&tag)
    }

    /// Adds an attribute; the first one of a tag is kept.
    pub(super) fn put(&mut self, attribute: Attribute<'a>) {
        if self.get(attribute.tag).is_none() {
            self.attributes.push(attribute);
        }
    }

    /// An attribute that is present, even if empty.
    pub(super) fn get(&self, tag: Tag) -> Option<&Attribute<'a>> {
        debug_assert!(Self::keeps(tag), "{tag} is read, but not kept");
        self.attributes.iter().find(|attribute| attribute.tag == tag)
    }

    /// Whether nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }
}

impl<'a> Attribute<'a> {
    /// The bytes of text or numbers; `None` if the attribute is absent or a sequence.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        match self.value {
            Value::Bytes(bytes) => Some(bytes).filter(|bytes| !bytes.is_empty()),
            _ => None,
        }
    }
}
