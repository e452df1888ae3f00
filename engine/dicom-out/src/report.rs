//! Finding, score and area as a structured report by template TID 1500 (PS3.16), as an Enhanced SR.

use dicom_core::VR;
use dicom_dictionary_std::tags;

use crate::common::{self, PROGRAM, VERSION, cut};
use crate::dataset::{Set, code};
use crate::source::reference;
use crate::{DicomOutError, Image, Kind, Object};

pub fn object(image: &Image<'_>) -> Result<Object, DicomOutError> {
    let template =
        Set::new().text(tags::MAPPING_RESOURCE, VR::CS, "DCMR").text(tags::TEMPLATE_IDENTIFIER, VR::CS, "1500");
    common::head(image, Kind::Report)
        .items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, [])
        .items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, [])
        .text(tags::COMPLETION_FLAG, VR::CS, "COMPLETE")
        .text(tags::VERIFICATION_FLAG, VR::CS, "UNVERIFIED")
        .items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, [evidence(image)])
        .text(tags::VALUE_TYPE, VR::CS, "CONTAINER")
        .items(tags::CONCEPT_NAME_CODE_SEQUENCE, [code("126000", "DCM", "Imaging Measurement Report")])
        .text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE")
        .items(tags::CONTENT_TEMPLATE_SEQUENCE, [template])
        .items(tags::CONTENT_SEQUENCE, content(image))
        .write(Kind::Report, common::instance_uid(image, Kind::Report))
}

/// The objects that the report refers to.
fn evidence(image: &Image<'_>) -> Set {
    let series = |uid: &str, item: Set| {
        Set::new().text(tags::SERIES_INSTANCE_UID, VR::UI, uid).items(tags::REFERENCED_SOP_SEQUENCE, [item])
    };
    let own = common::series_uid(image, Kind::Segmentation);
    let segmentation = (!image.mask.is_empty()).then(|| series(&own, segmentation(image)));
    let source = series(&image.source.series, image.source.reference());
    Set::new()
        .text(tags::STUDY_INSTANCE_UID, VR::UI, &image.source.study)
        .items(tags::REFERENCED_SERIES_SEQUENCE, [Some(source), segmentation].into_iter().flatten())
}

fn segmentation(image: &Image<'_>) -> Set {
    reference(Kind::Segmentation.sop_class(), &common::instance_uid(image, Kind::Segmentation))
}

/// A content item without its value.
fn item(relation: &str, kind: &str, concept: Set) -> Set {
    Set::new()
        .text(tags::RELATIONSHIP_TYPE, VR::CS, relation)
        .text(tags::VALUE_TYPE, VR::CS, kind)
        .items(tags::CONCEPT_NAME_CODE_SEQUENCE, [concept])
}

fn coded(relation: &str, concept: Set, value: Set) -> Set {
    item(relation, "CODE", concept).items(tags::CONCEPT_CODE_SEQUENCE, [value])
}

fn text(relation: &str, concept: Set, value: &str) -> Set {
    item(relation, "TEXT", concept).text(tags::TEXT_VALUE, VR::UT, value)
}

fn uid(relation: &str, concept: Set, value: &str) -> Set {
    item(relation, "UIDREF", concept).text(tags::UID, VR::UI, value)
}

fn number(concept: Set, value: f64, unit: Set) -> Set {
    let measured = Set::new()
        .text(tags::NUMERIC_VALUE, VR::DS, decimal(value))
        .items(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, [unit]);
    item("CONTAINS", "NUM", concept).items(tags::MEASURED_VALUE_SEQUENCE, [measured])
}

/// A decimal string has at most 16 characters.
fn decimal(value: f64) -> String {
    format!("{value:.4}").chars().take(16).collect()
}

/// The root's content: who observed, what procedure, the measurements.
fn content(image: &Image<'_>) -> Vec<Set> {
    let device = common::uid_of(image, "device", "");
    let language = coded(
        "HAS CONCEPT MOD",
        code("121049", "DCM", "Language of Content Item and Descendants"),
        code("en", "RFC5646", "English"),
    );
    let procedure = code("363680008", "SCT", "Radiographic imaging");
    let measurements = item("CONTAINS", "CONTAINER", code("126010", "DCM", "Imaging Measurements"))
        .text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE")
        .items(tags::CONTENT_SEQUENCE, [group(image)]);
    vec![
        language,
        coded("HAS OBS CONTEXT", code("121005", "DCM", "Observer Type"), code("121007", "DCM", "Device")),
        uid("HAS OBS CONTEXT", code("121012", "DCM", "Device Observer UID"), &device),
        text("HAS OBS CONTEXT", code("121013", "DCM", "Device Observer Name"), PROGRAM),
        coded("HAS CONCEPT MOD", code("121058", "DCM", "Procedure reported"), procedure),
        measurements,
    ]
}

/// The measurements of the image: of the marked region, or of the whole image if nothing is marked.
fn group(image: &Image<'_>) -> Set {
    let tracking = common::uid_of(image, "tracking", &image.source.instance);
    let template = if image.mask.is_empty() { "1501" } else { "1410" };
    let named = |value: &str, meaning: &str| code(value, "DCM", meaning);
    let mut items = vec![
        text(
            "HAS OBS CONTEXT",
            named("112039", "Tracking Identifier"),
            &format!("{PROGRAM} {}", image.run.code.meaning),
        ),
        uid("HAS OBS CONTEXT", named("112040", "Tracking Unique Identifier"), &tracking),
        coded("CONTAINS", named("121071", "Finding"), common::finding(image)),
        text("HAS CONCEPT MOD", named("111001", "Algorithm Name"), PROGRAM),
        text("HAS CONCEPT MOD", named("111003", "Algorithm Version"), VERSION),
    ];
    let ensemble = format!("ensemble {}; manifest {}", cut(image.run.ensemble), image.run.origin.manifest);
    items.push(text("HAS CONCEPT MOD", named("111002", "Algorithm Parameters"), &ensemble));
    if !image.mask.is_empty() {
        let pointed = |set: Set, to: Set| set.items(tags::REFERENCED_SOP_SEQUENCE, [to]);
        // its only frame: a number of the frame beside the segment is not allowed
        let frame = segmentation(image).short(tags::REFERENCED_SEGMENT_NUMBER, 1);
        items.push(pointed(item("CONTAINS", "IMAGE", named("121214", "Referenced Segmentation Frame")), frame));
        let source = item("CONTAINS", "IMAGE", named("121233", "Source image for segmentation"));
        items.push(pointed(source, image.source.reference()));
    }
    items.extend(numbers(image));
    items.push(presence(image));
    items.extend(comments(image).iter().map(|comment| text("CONTAINS", named("121106", "Comment"), comment)));
    item("CONTAINS", "CONTAINER", named("125007", "Measurement Group"))
        .text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE")
        .items(
            tags::CONTENT_TEMPLATE_SEQUENCE,
            [Set::new().text(tags::MAPPING_RESOURCE, VR::CS, "DCMR").text(tags::TEMPLATE_IDENTIFIER, VR::CS, template)],
        )
        .items(tags::CONTENT_SEQUENCE, items)
}

/// The area where its unit is known; the score and the calibrated probability, or their bounds; the members' agreement.
fn numbers(image: &Image<'_>) -> Vec<Set> {
    let one = || code("1", "UCUM", "no units");
    let own =
        |value: &str, meaning: &str, number_of: f32| number(code(value, "99PLEURA", meaning), number_of.into(), one());
    let bounded = |value: &str, meaning: &str, bounds: Option<(f32, f32)>| match bounds {
        Some((low, high)) if low == high => vec![own(value, meaning, low)],
        Some((low, high)) => vec![
            own(&format!("{value}-low"), &format!("{meaning}, lower bound"), low),
            own(&format!("{value}-high"), &format!("{meaning}, upper bound"), high),
        ],
        None => Vec::new(),
    };
    let area = image.area().filter(|_| !image.mask.is_empty());
    let area = area.map(|area| number(code("42798000", "SCT", "Area"), area, code("mm2", "UCUM", "mm2")));
    let finding = image.finding;
    let spread =
        finding.agreement.score_spread.map(|spread| own("score-spread", "Spread of classifier scores", spread));
    let dice = finding.agreement.dice.map(|dice| own("members-dice", "Mean Dice of members' masks", dice));
    area.into_iter()
        .chain(bounded("score", "Classifier score", finding.score))
        .chain(bounded("calibrated", "Calibrated probability", finding.calibrated))
        .chain(spread)
        .chain(dice)
        .collect()
}

/// Why people should read the image first, how its area is measured, and the source's own id if it has no UID.
fn comments(image: &Image<'_>) -> Vec<String> {
    let mut comments = Vec::new();
    if image.is_referred() {
        comments.push(format!("to be read by people first: {}", image.finding.reasons.join("; ")));
    }
    if !image.mask.is_empty() && image.area().is_some() && image.radiograph.is_measured_at_detector() {
        let why = "the file states ImagerPixelSpacing alone";
        comments.push(format!("the area is that at the detector, larger than in the patient: {why}"));
    }
    comments.extend(image.source.original.as_ref().map(|id| format!("image id {}", cut(id))));
    comments
}

/// Whether anything is marked; indeterminate for an image that people should read first.
fn presence(image: &Image<'_>) -> Set {
    let value = match (image.is_referred(), image.mask.is_empty()) {
        (true, _) => code("82334004", "SCT", "Indeterminate"),
        (false, true) => code("2667000", "SCT", "Absent"),
        (false, false) => code("52101004", "SCT", "Present"),
    };
    coded("CONTAINS", code("705057003", "SCT", "Presence"), value)
}
