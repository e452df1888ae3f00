//! torchxrayvision: a classifier of 18 labels, of which one is picked.
//!
//! Its images lie within ±1024. A network exported with its operating points (`op_threshs`) gives probabilities moved
//! so that 0.5 is the operating point; one without gives logits.

use std::path::Path;

use super::ImportError;
use super::encoder::Imported;
use crate::models::{self, Known};
use crate::onnx::{Activation, Dim};

/// The labels of the networks trained on all datasets, in order.
pub const LABELS: [&str; 18] = [
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Effusion",
    "Pneumonia",
    "Pleural_Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
];

/// The side of most networks' input.
const SIDE: u32 = 224;

/// Makes a member of a classifier, for one of its labels.
///
/// # Errors
/// If the file cannot be read, has not 18 labels, or not this one.
pub fn import(model: &Path, label: &str) -> Result<Imported, ImportError> {
    let refused = |message| ImportError::Network { path: model.into(), message };
    let channel = LABELS.iter().position(|known| known.eq_ignore_ascii_case(label)).ok_or_else(|| {
        refused(format!(
            "has no label `{label}`; expected one of {}",
            LABELS.map(|label| format!("`{label}`")).join(", ")
        ))
    })?;
    let description = models::describe(model)?;
    let output = description.outputs.iter().find_map(|(value, end)| match value.dims.as_deref() {
        Some([_, Dim::Fixed(18)]) => Some(end),
        _ => None,
    });
    let end = output.ok_or_else(|| refused("expected an output of (batch, 18), one number for each label".into()))?;
    let is_linear = matches!(end, Some(Activation::Other(op)) if matches!(op.as_str(), "Gemm" | "MatMul" | "Add"));
    let side = description.inputs.first().and_then(|input| match input.dims.as_deref() {
        Some([.., Dim::Fixed(side)]) => u32::try_from(*side).ok(),
        _ => None,
    });
    let side = side.unwrap_or(SIDE);
    let known = Known {
        size: Some([side, side]),
        preparation: vec![
            "# within -1024..1024".into(),
            "input.scale = 2048".into(),
            "input.mean = [1024.0]".into(),
            "input.resize = \"linear-antialias\"".into(),
            "input.fit = { kind = \"center-square\" }".into(),
        ],
        channel: Some(channel as u32),
        score_values: Some(if is_linear { "logits" } else { "probabilities" }),
    };
    let (member, has_map) = super::text::member(model, &description, &known)?;
    let remark = "torchxrayvision smooths before it resizes, with grey around the image: its numbers differ slightly";
    Ok(Imported { member, has_map, remarks: vec![remark.into()] })
}
