//! Search, report and optimisation.

use std::sync::Arc;

use super::{gone, invalid};
use crate::Size;
use crate::ensemble::{EnsembleError, ImageError};
use crate::import::ImportError;
use crate::onnx::OnnxError;
use crate::optimize::OptimizeError;
use crate::plugin::{LoadError, PluginError};
use crate::radiograph::RadiographError;
use crate::report::{FindingsError, PictureError, ReportError};
use crate::runtime::ModelError;
use crate::submission::SubmissionError;
use crate::texts::Texts;
use crate::tune::TuneError;

pub fn add(texts: &mut Texts) {
    let (id, path) = (|| "a".to_owned(), || "a.onnx".into());
    let failed = PluginError::Load { path: "libsmooth.so".into(), why: LoadError::Missing };
    add!(texts, TuneError {
        Manifest(invalid()),
        Axis { text: "above=1:0".into(), fault: "expected FROM below TO".into() },
        Key { key: "above".into(), fault: "no step has it".into() },
        Threads(gone()),
        NoKnob {},
        TooMany { what: "the grid has 2000000 points".into(), most: 1_000_000 },
        Plugin { step: 1, source: Box::new(failed) },
        Image { id: id(), source: Box::new(ImageError::NoMask) },
        NoTruth { id: id() },
        Twice { id: id() },
        NotStock {},
        TooFew("no point of the grid has a score".into()),
        Weights { stage: "segmenter", why: "it has one member".into() },
        Calibration("all 10 images are negative: a fit needs both kinds, also without one of the folds".into()),
        Write { path: "tuned.toml".into(), message: "no space left on device".into() },
        Stopped {},
        Spill(gone()),
    });
    add!(texts, OptimizeError {
        Ensemble(EnsembleError::Threads(gone())),
        Onnx(OnnxError::NotOnnx { path: path(), reason: "it has no graph".into() }),
        Model(Arc::new(ModelError::NoOutput { path: path(), name: "map".into() })),
        Image { id: id(), source: Box::new(ImageError::NoMask) },
        Submission(SubmissionError::EmptyId),
        Manifest { path: "ensemble.toml".into(), message: "expected a value".into() },
        File { what: "write", path: path(), source: gone() },
    });
    let json = || "nnunet.json".into();
    add!(texts, ImportError {
        Read { path: json(), source: gone() },
        Format { path: json(), expected: "an `nnunet.json`", message: "missing field `labels`".into() },
        Field { path: json(), field: "mirror".into(), message: "expected axes among 0 and 1, found [2]".into() },
        Onnx(OnnxError::NotOnnx { path: path(), reason: "it has no graph".into() }),
        Network { path: path(), message: "has changed: expected sha256 22, found 11".into() },
        Exists("ensemble.toml".into()),
        Write { path: "ensemble.toml".into(), source: gone() },
        Manifest(Box::new(invalid())),
    });
    add!(texts, FindingsError {
        Read { path: "findings.jsonl".into(), source: gone() },
        Line { path: "findings.jsonl".into(), line: 3, fault: "its checksum does not match its contents".into() },
        Nothing { path: "findings.jsonl".into() },
    });
    add!(texts, ReportError {
        Nothing {},
        Twice { id: id() },
        Overflow { id: id(), what: "true", end: 17, size: Size::new(4, 4) },
        HeatMap { x_name: "above".into(), y_name: "min_area".into(), fault: "no values".into() },
        TruthSize { id: id(), found: Size::new(4, 6), path: "truth.csv".into(), size: Size::new(8, 8) },
        NoTruth { path: "truth.csv".into(), images: 3, id: id() },
    });
    add!(texts, PictureError {
        NoPath { id: id() },
        Read { source: RadiographError::Read { path: path(), source: gone() } },
        OtherImage { path: path(), found: "other".into(), id: id() },
    });
}
