//! Ensembles and their images.

use std::sync::Arc;

use super::{gone, invalid};
use crate::Size;
use crate::ensemble::{EnsembleError, ImageError, Step};
use crate::overlay;
use crate::plugin::{Fault, PluginError};
use crate::radiograph::RadiographError;
use crate::runtime::{Device, DeviceError, ModelError, RuntimeError};
use crate::texts::Texts;

fn failed_plugin() -> PluginError {
    PluginError::Call { plugin: "smooth".into(), call: "run", why: Fault::WrotePast }
}

fn failed_model() -> ModelError {
    ModelError::Run { path: "a.onnx".into(), source: ort::Error::new("std::bad_alloc") }
}

pub fn add(texts: &mut Texts) {
    let manifest = || "ensemble.toml".into();
    let field = |key: &str| format!("segmenter.members[0].{key}");
    let device = DeviceError { device: Device::Cuda(1), reason: "no such device".into(), next: "name another".into() };
    add!(texts, EnsembleError {
        Manifest(invalid()),
        Runtime(RuntimeError::NotFound { places: vec!["ORT_DYLIB_PATH".into()] }),
        Option { option: "batch", message: "is 0, expected 1 or more".into() },
        Threads(gone()),
        Device(device),
        Load(Arc::new(failed_model())),
        Cache { folder: "cache".into(), source: gone() },
        Plugin { manifest: manifest(), field: field("tta[0]"), source: Box::new(failed_plugin()) },
        ModelMissing { manifest: manifest(), field: field("model"), path: "a.onnx".into() },
        ModelChanged {
            manifest: manifest(),
            field: field("sha256"),
            path: "a.onnx".into(),
            found: "11".into(),
            declared: "22".into(),
        },
        Model { manifest: manifest(), field: field("input.channels"), message: "is 1, but the model takes 3".into() },
    });
    images(texts);
    let picture = ndarray::Array2::zeros((4, 4));
    let mask = crate::Mask::empty(Size::new(4, 5));
    texts.add(
        "OverlayError",
        "",
        &overlay::render(picture.view(), None, &mask, overlay::About::default()).unwrap_err(),
    );
}

fn images(texts: &mut Texts) {
    let plugin = || ImageError::Plugin { step: Step::Tta, source: Arc::new(failed_plugin()) };
    add!(texts, ImageError {
        TooLong { size: Size::new(1, 16_384), inner: Size::new(256, 4_194_304) },
        NotAccepted { reason: "Modality is CT, expected CR or DX".into() },
        NoSpacing {},
        Radiograph(Arc::new(RadiographError::Unrecognized { path: "a.dcm".into(), empty: true })),
        Plugin { step: Step::Prepare, source: Arc::new(failed_plugin()) },
        Plugin { step: Step::Postprocess(2), source: Arc::new(failed_plugin()) },
        Model { member: "unet".into(), source: Arc::new(failed_model()) },
        Output { member: "unet".into(), output: "map".into(), message: "holds NaN".into() },
        Member { member: "unet".into(), source: Box::new(plugin()) },
        NoCrop { above: 0.5 },
        NoFold { member: "unet".into(), fold: 2 },
        Unfolded {},
        Threads(Arc::new(gone())),
        Memory { bytes: 1 << 30 },
        Panic { message: "index out of bounds".into() },
        NoMask {},
    });
}
