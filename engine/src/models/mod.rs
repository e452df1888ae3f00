//! Describes an ONNX file, and writes a member of a manifest to start from.

mod member;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::bounded;
use crate::ensemble::model_file::MAX_MODEL_BYTES;
use crate::onnx::{self, Activation, Dim, ElementType, OnnxError, Skeleton, Value};

pub(crate) use member::Known;

/// What an ONNX file is, as far as its graph tells.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Description {
    /// The file.
    pub path: PathBuf,
    /// Its SHA-256 in hexadecimal; `None` if it has external data, of which the manifest's folder decides.
    pub sha256: Option<String>,
    /// The exporter and its version, as the file says.
    pub producer: String,
    /// The version of ONNX's own operators; `None` if it uses none.
    pub opset: Option<i64>,
    /// Other sets of operators that it imports.
    pub domains: Vec<String>,
    /// The number of its weights.
    pub parameters: u64,
    /// The files that hold weights besides it, relative to its folder.
    pub external: Vec<PathBuf>,
    /// Its inputs.
    pub inputs: Vec<Value>,
    /// Its outputs, each with the last function applied to its numbers.
    pub outputs: Vec<(Value, Option<Activation>)>,
}

/// Describes an ONNX file. Its external data are not read.
///
/// # Errors
/// If it cannot be read, has more than 4 GiB, or is not an ONNX model.
pub fn describe(path: &Path) -> Result<Description, OnnxError> {
    let not_onnx = |reason: String| OnnxError::NotOnnx { path: path.into(), reason };
    let bytes = bounded::read(path, MAX_MODEL_BYTES).map_err(|error| match error {
        bounded::BoundedError::Io(source) => OnnxError::Read { path: path.into(), source },
        bounded::BoundedError::TooLarge { bytes } => {
            not_onnx(format!("it has {bytes} bytes, more than {MAX_MODEL_BYTES}"))
        }
    })?;
    let external: Vec<PathBuf> = Skeleton::read(&bytes).map_err(not_onnx)?.external_files().into_iter().collect();
    let sha256 = external.is_empty().then(|| crate::digest::bytes(&bytes));
    drop(bytes);
    let model = onnx::read(path)?;
    let header = model.header();
    let is_onnx = |domain: &str| matches!(domain, "" | "ai.onnx");
    let sets = &header.opset_import;
    let sizes =
        model.graph().initializer.iter().map(|tensor| tensor.dims.iter().map(|&side| side.max(0).unsigned_abs()));
    Ok(Description {
        path: path.into(),
        sha256,
        producer: format!("{} {}", header.producer_name, header.producer_version).trim().to_owned(),
        opset: sets.iter().find(|set| is_onnx(&set.domain)).map(|set| set.version),
        domains: sets.iter().filter(|set| !is_onnx(&set.domain)).map(|set| set.domain.clone()).collect(),
        parameters: sizes.map(|sides| sides.fold(1, u64::saturating_mul)).fold(0, u64::saturating_add),
        external,
        inputs: model.inputs(),
        outputs: model.outputs().into_iter().map(|output| with_activation(&model, output)).collect(),
    })
}

fn with_activation(model: &onnx::Model, output: Value) -> (Value, Option<Activation>) {
    let activation = model.last_activation(&output.name);
    (output, activation)
}

impl fmt::Display for Description {
    /// A line for the file, then one for each input and output.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opset = self.opset.map_or("no opset".to_owned(), |opset| format!("opset {opset}"));
        write!(f, "`{}`: {opset}", self.path.display())?;
        for domain in &self.domains {
            write!(f, " and {domain}")?;
        }
        if !self.producer.is_empty() {
            write!(f, ", from {}", self.producer)?;
        }
        write!(f, ", {} parameters", self.parameters)?;
        for file in &self.external {
            write!(f, ", weights in `{}`", file.display())?;
        }
        for input in &self.inputs {
            write!(f, "\ninput `{}`: {}", input.name, tensor(input))?;
        }
        for (output, activation) in &self.outputs {
            write!(f, "\noutput `{}`: {}", output.name, tensor(output))?;
            if let Some(Activation::Probability(op) | Activation::Other(op)) = activation {
                write!(f, ", from {op}")?;
            }
        }
        Ok(())
    }
}

/// The type and shape of a value: `float32 (batch, 3, 512, 512)`.
fn tensor(value: &Value) -> String {
    let element = match value.element {
        None => return "no tensor".into(),
        Some(ElementType::Float) => "float32".into(),
        Some(ElementType::Half) => "float16".into(),
        Some(ElementType::BFloat16) => "bfloat16".into(),
        Some(ElementType::Double) => "float64".into(),
        Some(ElementType::UInt8) => "uint8".into(),
        Some(ElementType::Int32) => "int32".into(),
        Some(ElementType::Int64) => "int64".into(),
        Some(ElementType::Bool) => "bool".into(),
        Some(ElementType::Other(number)) => format!("ONNX's type {number}"),
    };
    let shape = value.dims.as_ref().map_or("unknown shape".to_owned(), |dims| {
        format!("({})", dims.iter().map(Dim::to_string).collect::<Vec<_>>().join(", "))
    });
    format!("{element} {shape}")
}
