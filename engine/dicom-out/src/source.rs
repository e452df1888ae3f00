//! The source's patient, study and image, as far as their values are valid.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use pleura::Radiograph;
use pleura::radiograph::SourceAttributes;

use crate::dataset::Set;
use crate::{uid, valid};

/// What objects repeat of their source.
pub struct Source {
    pub is_dicom: bool,
    pub class: String,
    pub instance: String,
    pub study: String,
    pub series: String,
    pub frame_of_reference: Option<String>,
    /// The image's own id, where it is no valid UID.
    pub original: Option<String>,
    attributes: SourceAttributes,
}

impl Source {
    pub fn new(radiograph: &Radiograph) -> Self {
        let attributes = radiograph.source().cloned().unwrap_or_default();
        let known = |tag: Tag| attributes.ascii(tag).filter(|text| valid::uid(text)).map(str::to_owned);
        let own = |tag: Tag, what: &str| {
            known(tag).unwrap_or_else(|| {
                // by the image: without its study's UID, nothing says which images belong together
                uid::derived(&["pleura source", what, radiograph.id(), radiograph.digest()])
            })
        };
        let class = known(tags::SOP_CLASS_UID).unwrap_or_else(|| uids::SECONDARY_CAPTURE_IMAGE_STORAGE.to_owned());
        Self {
            is_dicom: radiograph.source().is_some(),
            class,
            instance: own(tags::SOP_INSTANCE_UID, "instance"),
            study: own(tags::STUDY_INSTANCE_UID, "study"),
            series: own(tags::SERIES_INSTANCE_UID, "series"),
            frame_of_reference: known(tags::FRAME_OF_REFERENCE_UID),
            original: (!valid::uid(radiograph.id())).then(|| radiograph.id().to_owned()),
            attributes,
        }
    }

    /// The modules of patient and study, in which a value may be empty but not missing.
    pub fn patient_and_study(&self, set: Set) -> Set {
        let set = set
            .with(self.charset(), |set, charset| set.text(tags::SPECIFIC_CHARACTER_SET, VR::CS, charset))
            .text(tags::STUDY_INSTANCE_UID, VR::UI, &self.study)
            .text(tags::STUDY_DATE, VR::DA, self.value(tags::STUDY_DATE, valid::date))
            .text(tags::STUDY_TIME, VR::TM, self.value(tags::STUDY_TIME, valid::time))
            .text(tags::PATIENT_BIRTH_DATE, VR::DA, self.value(tags::PATIENT_BIRTH_DATE, valid::date))
            .text(tags::PATIENT_SEX, VR::CS, self.value(tags::PATIENT_SEX, sex));
        let age = Some(self.value(tags::PATIENT_AGE, valid::age)).filter(|age| !age.is_empty());
        let set = set.with(age, |set, age| set.text(tags::PATIENT_AGE, VR::AS, age));
        let texts = [
            (tags::ACCESSION_NUMBER, VR::SH, 16),
            (tags::REFERRING_PHYSICIAN_NAME, VR::PN, 194),
            (tags::PATIENT_NAME, VR::PN, 194),
            (tags::PATIENT_ID, VR::LO, 64),
            (tags::STUDY_ID, VR::SH, 16),
        ];
        let set = texts.into_iter().fold(set, |set, (tag, vr, most)| set.bytes(tag, vr, self.own_text(tag, most)));
        let optional = [(tags::STUDY_DESCRIPTION, VR::LO, 64), (tags::ISSUER_OF_PATIENT_ID, VR::LO, 64)];
        optional.into_iter().fold(set, |set, (tag, vr, most)| {
            let text = Some(self.own_text(tag, most)).filter(|text| !text.is_empty());
            set.with(text, |set, text| set.bytes(tag, vr, text))
        })
    }

    /// A value in valid form, or nothing.
    pub fn value(&self, tag: Tag, form: impl FnOnce(&str) -> Option<String>) -> String {
        self.attributes.ascii(tag).and_then(form).unwrap_or_default()
    }

    /// A text in the file's own character set; empty if it is none.
    fn own_text(&self, tag: Tag, most: usize) -> Vec<u8> {
        let bytes = self.attributes.bytes(tag).unwrap_or_default().trim_ascii();
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        // longer in bytes than in characters, where a character has several
        if valid::text(bytes, 4 * most) { bytes.to_vec() } else { Vec::new() }
    }

    /// The file's character set; for a file without one, UTF-8 or Latin 1 if its texts need one.
    fn charset(&self) -> Option<String> {
        if let Some(named) = self.attributes.ascii(tags::SPECIFIC_CHARACTER_SET) {
            return Some(named.to_owned());
        }
        let texts = [tags::PATIENT_NAME, tags::PATIENT_ID, tags::REFERRING_PHYSICIAN_NAME, tags::STUDY_DESCRIPTION];
        let bytes: Vec<u8> = texts.iter().filter_map(|tag| self.attributes.bytes(*tag)).flatten().copied().collect();
        match str::from_utf8(&bytes) {
            _ if bytes.is_ascii() => None,
            Ok(_) => Some("ISO_IR 192".into()),
            Err(_) => Some("ISO_IR 100".into()),
        }
    }

    /// A reference to the image.
    pub fn reference(&self) -> Set {
        reference(&self.class, &self.instance)
    }
}

/// A reference to an object.
pub fn reference(class: &str, instance: &str) -> Set {
    Set::new().text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, class).text(
        tags::REFERENCED_SOP_INSTANCE_UID,
        VR::UI,
        instance,
    )
}

fn sex(text: &str) -> Option<String> {
    let text = text.to_ascii_uppercase();
    ["M", "F", "O"].contains(&text.as_str()).then_some(text)
}
