//! The radiographs that an ensemble is for.

use std::borrow::Cow;
use std::fmt;

use pleura_image::radiograph::Acquisition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Sides;
use crate::{Radiograph, Size};

/// The radiographs that the ensemble is for, by what their files say. An image outside of it is refused: a network
/// answers for a knee or a photograph, too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accepts {
    /// Values of Modality, such as `["CR", "DX"]`; default: any.
    #[serde(default)]
    pub modality: Vec<String>,
    /// Values of BodyPartExamined, such as `["CHEST"]`; default: any.
    #[serde(default)]
    pub body_part: Vec<String>,
    /// Values of ViewPosition, such as `["PA", "AP"]`; default: any.
    #[serde(default)]
    pub view: Vec<String>,
    /// Values of ImageLaterality or Laterality, such as `["L", "R"]`; default: any.
    #[serde(default)]
    pub laterality: Vec<String>,
    /// Whether the picture must be grey: MONOCHROME1 or MONOCHROME2, and PNG and JPEG without colours.
    #[serde(default)]
    pub monochrome: bool,
    /// The smallest `[height, width]`; default: any.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub min_size: Option<Sides>,
    /// The largest `[height, width]`; default: any.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub max_size: Option<Sides>,
    /// Whether an image outside of it is refused (`true`, the default) or only warned of (`false`); `"all"` also refuses
    /// an image whose file does not say.
    #[serde(default)]
    pub strict: Strict,
}

/// What happens to an image that an ensemble is not for; in a manifest `true`, `false` or `"all"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strict {
    /// `false`: it gets a result, and a warning.
    None,
    /// `true`: it is refused. One whose file does not say gets a result, and a remark. The default.
    #[default]
    Known,
    /// `"all"`: it is refused, and so is one whose file does not say.
    All,
}

const ALL: &str = "all";

impl Serialize for Strict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_bool(false),
            Self::Known => serializer.serialize_bool(true),
            Self::All => serializer.serialize_str(ALL),
        }
    }
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl Visitor<'_> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false or \"all\"")
    }

    fn visit_bool<E: de::Error>(self, strict: bool) -> Result<Strict, E> {
        Ok(if strict { Strict::Known } else { Strict::None })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Strict, E> {
        if text == ALL { Ok(Strict::All) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
    }
}

impl JsonSchema for Strict {
    fn schema_name() -> Cow<'static, str> {
        "Strict".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What happens to an image that the ensemble is not for: `true` refuses it, `false` warns, \
                            `\"all\"` refuses one whose file does not say, too.",
            "anyOf": [{ "type": "boolean" }, { "type": "string", "oneOf": [{ "const": ALL }] }],
        })
    }
}

/// What is known of an image.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Assessment {
    /// Each property that is not accepted: "Modality is CT, expected CR or DX".
    pub outside: Vec<String>,
    /// Each property that the file does not state: `ViewPosition`.
    pub unknown: Vec<&'static str>,
}

impl Accepts {
    /// Compares an image with what is accepted.
    #[must_use]
    pub fn assess(&self, radiograph: &Radiograph) -> Assessment {
        let Acquisition { modality, body_part, view, laterality, monochrome } = radiograph.acquisition();
        let mut found = Assessment::default();
        for (name, accepted, value) in [
            ("Modality", &self.modality, modality),
            ("BodyPartExamined", &self.body_part, body_part),
            ("ViewPosition", &self.view, view),
            ("ImageLaterality", &self.laterality, laterality),
        ] {
            match value {
                _ if accepted.is_empty() => {}
                None => found.unknown.push(name),
                Some(value) if accepted.iter().any(|one| one.eq_ignore_ascii_case(value)) => {}
                Some(value) => found.outside.push(format!("{name} is {value}, expected {}", accepted.join(" or "))),
            }
        }
        match monochrome {
            _ if !self.monochrome => {}
            None => found.unknown.push("PhotometricInterpretation"),
            Some(true) => {}
            Some(false) => found.outside.push("the picture is in colour, expected grey".into()),
        }
        found.outside.extend(self.size_fault(radiograph.size()));
        found
    }

    fn size_fault(&self, size: Size) -> Option<String> {
        let (least, most) = (self.min_size.map(Size::from), self.max_size.map(Size::from));
        let small = least.filter(|least| size.height < least.height || size.width < least.width);
        let large = most.filter(|most| size.height > most.height || size.width > most.width);
        small
            .map(|least| format!("the picture has {size} pixels, expected at least {least}"))
            .or_else(|| large.map(|most| format!("the picture has {size} pixels, expected at most {most}")))
    }

    /// Why an image is refused.
    ///
    /// # Errors
    /// What is not accepted, as a fragment.
    pub fn admit(&self, radiograph: &Radiograph) -> Result<(), String> {
        let Assessment { mut outside, unknown } = self.assess(radiograph);
        if self.strict == Strict::All && !unknown.is_empty() {
            outside.push(format!("its file does not state {}", unknown.join(", ")));
        }
        if self.strict == Strict::None || outside.is_empty() { Ok(()) } else { Err(outside.join("; ")) }
    }

    /// Remarks on an image that gets a result: one sentence each; none on one that is refused.
    #[must_use]
    pub fn remarks(&self, radiograph: &Radiograph) -> Vec<String> {
        if self.admit(radiograph).is_err() {
            return Vec::new();
        }
        let Assessment { outside, unknown } = self.assess(radiograph);
        let mut remarks = Vec::new();
        if !outside.is_empty() {
            remarks.push(format!("the ensemble is not for such images: {}", outside.join("; ")));
        }
        if !unknown.is_empty() {
            remarks
                .push(format!("whether the ensemble is for it is unknown: it does not state {}", unknown.join(", ")));
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiograph::ValuesAbout;
    use ndarray::Array2;

    fn chest() -> Accepts {
        Accepts {
            modality: vec!["CR".into(), "DX".into()],
            monochrome: true,
            min_size: Some([4, 4]),
            max_size: Some([8, 16]),
            ..Accepts::default()
        }
    }

    fn without_tags(height: usize, width: usize) -> Radiograph {
        let about = ValuesAbout { id: "a".into(), range: (0.0, 1.0), inverted: false, spacing: None };
        Radiograph::try_from_values(Array2::zeros((height, width)), about).unwrap()
    }

    #[test]
    fn what_is_not_stated_is_unknown_and_refused_only_by_all() {
        let image = without_tags(4, 16);
        let known = chest();
        assert_eq!(known.admit(&image), Ok(()));
        assert_eq!(
            known.remarks(&image),
            ["whether the ensemble is for it is unknown: it does not state Modality, PhotometricInterpretation"]
        );
        let all = Accepts { strict: Strict::All, ..chest() };
        assert_eq!(all.admit(&image), Err("its file does not state Modality, PhotometricInterpretation".into()));
        assert_eq!(Accepts::default().remarks(&image), Vec::<String>::new());
    }

    #[test]
    fn sizes_are_always_known() {
        let fault = |height, width| chest().admit(&without_tags(height, width)).unwrap_err();
        assert_eq!(fault(3, 16), "the picture has 3×16 pixels, expected at least 4×4");
        assert_eq!(fault(4, 17), "the picture has 4×17 pixels, expected at most 8×16");
        let lenient = Accepts { strict: Strict::None, ..chest() };
        assert_eq!(lenient.admit(&without_tags(3, 3)), Ok(()));
        assert!(
            lenient.remarks(&without_tags(3, 3))[0].starts_with("the ensemble is not for such images: the picture")
        );
    }
}
