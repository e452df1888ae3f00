//! ONNX Runtime, devices and models.

use crate::ensemble::model_file::ModelFileError;
use crate::manifest::FolderError;
use crate::runtime::find::Origin;
use crate::runtime::record::RecordError;
use crate::runtime::{Device, DeviceError, Difference, ModelError, RuntimeError};
use crate::texts::Texts;

pub fn add(texts: &mut Texts) {
    let library = || "lib/libonnxruntime.so".into();
    add!(texts, RuntimeError {
        NotFound { places: vec!["ORT_DYLIB_PATH".into(), "the cache folder".into()] },
        Missing { path: library(), origin: Origin::Named },
        Another { path: library(), loaded: "/usr/lib/libonnxruntime.so".into() },
        Unusable { path: library(), origin: Origin::Cache, reason: "it does not export `OrtGetApiBase`".into() },
        Damaged { path: library(), reason: "expected 22159232 bytes, found 5000000".into() },
        TooOld { path: library(), origin: Origin::Cache, version: "1.9.0".into(), needed: 22 },
    });
    let unavailable = DeviceError {
        device: Device::Cuda(0),
        reason: "`libcuda.so.1` is missing".into(),
        next: "install the NVIDIA driver".into(),
    };
    texts.add("DeviceError", "", &unavailable);
    add!(texts, RecordError {
        NoRecord {},
        Record {},
        Read { file: "libonnxruntime.so".into(), source: super::gone() },
        Changed { file: "libonnxruntime.so".into(), expected: "22159232 bytes".into(), found: "5000000".into() },
    });
    models(texts);
}

fn models(texts: &mut Texts) {
    let path = || "a.onnx".into();
    let difference = Difference {
        device: Device::Cuda(0),
        output: "map".into(),
        size: 0.25,
        tolerance: 1e-3,
        nodes: "from node `conv1` (Conv) on".into(),
    };
    let refused = || ort::Error::new("No graph was found in the protobuf.");
    add!(texts, ModelError {
        Open { path: path(), source: refused() },
        Run { path: path(), source: ort::Error::new("Non-zero status code returned while running Conv node") },
        Run { path: path(), source: ort::Error::new("std::bad_alloc") },
        Mismatch { path: path(), key: "input.channels", message: "it takes 3 channels".into() },
        NoOutput { path: path(), name: "map".into() },
        Differs { path: path(), difference: Box::new(difference) },
    });
    add!(texts, ModelFileError {
        Read { path: path(), source: super::gone() },
        TooLarge { path: path(), bytes: 5 << 30, external: false, most: 4 << 30 },
        TooLarge { path: path(), bytes: 5 << 30, external: true, most: 4 << 30 },
        Sparse { path: path(), bytes: 5 << 30, most: 4 << 30 },
        TrainingForm { path: path(), node: "node `bn` (BatchNormalization) normalizes by the batch at hand".into() },
        Nodes { path: path() },
        NotOnnx { path: path(), sha256: "00".into(), reason: "it has no graph".into() },
        External {
            path: path(),
            source: FolderError::Outside { file: "../a.bin".into(), real: "/models/a.bin".into() },
        },
    });
}
