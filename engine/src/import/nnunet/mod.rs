//! nnU-Net v2, 2D: from the folder that [`SCRIPT`] writes.

mod about;
mod heads;
mod member;
mod proof;

use std::fmt::Write;
use std::path::Path;

use self::about::About;
use self::heads::{Wanted, keeps_largest, wanted};
use super::text::{json, quoted};
use super::{ImportError, Imported};

pub use self::proof::{Difference, Expected};

/// A Python script that exports a trained model's folder as ONNX files and one `nnunet.json`, to be run where nnU-Net is.
pub const SCRIPT: &str = include_str!("nnunet_to_onnx.py");

/// The format that is read.
const FORMAT: &str = "pleura-nnunet-1";
const EXPECTED: &str = "an `nnunet.json` of nnunet_to_onnx.py";

/// What is imported.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The label that becomes the mask; default: the only one besides the background.
    pub label: Option<String>,
    /// Leave nnU-Net's own postprocessing out.
    pub no_postprocessing: bool,
}

/// The label that becomes the mask, and how nnU-Net's own answers hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The label's name.
    pub name: String,
    /// The values of its pixels in nnU-Net's masks.
    pub values: Vec<i64>,
    /// The heads whose highest probability it is, counted from 0.
    pub heads: Vec<usize>,
    /// Whether it competes with the likeliest other head, in a softmax of three or more.
    pub competes: bool,
}

/// Makes a manifest of a folder with `nnunet.json` and its ONNX files.
///
/// # Errors
/// If a file is missing, is not what the script wrote, or a manifest cannot say it exactly.
pub fn import(folder: &Path, options: &Options) -> Result<(Imported, Target), ImportError> {
    let path = folder.join("nnunet.json");
    let about: About = json(&path, EXPECTED)?;
    if about.format != FORMAT {
        let message =
            format!("expected \"{FORMAT}\", found {:?}; export it again with this version's script", about.format);
        return Err(ImportError::field(&path, "format", message));
    }
    let wanted = wanted(&about, options.label.as_deref(), &path)?;
    let models = about.models.iter().map(|fold| folder.join(&fold.file)).collect::<Vec<_>>();
    for (fold, model) in about.models.iter().zip(&models) {
        unchanged(fold, model)?;
    }
    let mut remarks = Vec::new();
    let mut toml = head(&about, &wanted);
    postprocessing(&about, &wanted, options, &path, &mut toml, &mut remarks)?;
    toml.push_str(&member::member(&about, &wanted, &path)?);
    let competes = about.output.nonlinearity == about::Nonlinearity::Softmax && about.output.heads > 2;
    let Wanted { name, values, heads } = wanted;
    Ok((Imported { manifest: toml, models, remarks }, Target { name, values, heads, competes }))
}

/// Refuses a model that is not the one that the script wrote.
fn unchanged(fold: &about::Fold, model: &Path) -> Result<(), ImportError> {
    if Path::new(&fold.file).file_name() != Some(fold.file.as_ref()) {
        let message = format!("expected the name of a file beside `nnunet.json`, found {:?}", fold.file);
        return Err(ImportError::Network { path: model.into(), message });
    }
    let found = crate::digest::file(model).map_err(|source| ImportError::Read { path: model.into(), source })?;
    if found == fold.sha256 {
        return Ok(());
    }
    let message = format!("has changed: expected sha256 {}, found {found}", fold.sha256);
    Err(ImportError::Network { path: model.into(), message })
}

fn head(about: &About, wanted: &Wanted) -> String {
    format!(
        "# {}, {}, {} ({}): nnU-Net's `{}`.\nschema = 1\nname = {}\n",
        about.dataset,
        about.configuration,
        about.trainer,
        about.checkpoint,
        wanted.name,
        quoted(&about.dataset)
    )
}

fn postprocessing(
    about: &About,
    wanted: &Wanted,
    options: &Options,
    path: &Path,
    toml: &mut String,
    remarks: &mut Vec<String>,
) -> Result<(), ImportError> {
    toml.push_str("\n[[postprocess]]\nplugin = \"threshold\"\nparams = { above = 0.5 }\n");
    if options.no_postprocessing {
        let count = about.postprocessing.len();
        if count > 0 {
            remarks.push(format!("nnU-Net's own postprocessing, {count} step(s), is left out"));
        }
        return Ok(());
    }
    for (index, step) in about.postprocessing.iter().enumerate() {
        let refused = |message| ImportError::field(path, format!("postprocessing[{index}]"), message);
        if keeps_largest(step, wanted).map_err(refused)? {
            let _ = write!(toml, "\n[[postprocess]]\nplugin = \"keep-largest\"\nparams = {{ connectivity = 8 }}\n");
        }
    }
    Ok(())
}
