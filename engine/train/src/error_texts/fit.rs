//! Trainings.

use pleura::onnx::OnnxError;
use pleura::plugin::{Fault, PluginError};
use pleura::runtime::{Device, DeviceError as Unavailable, RuntimeError};

use super::{failed_model, gone, invalid};
use crate::checkpoint::CheckpointError;
use crate::data::{DataError, FoldsError, SamplingError};
use crate::device::DeviceError;
use crate::files::WriteError;
use crate::fit::TrainError;
use crate::journal::JournalError;
use crate::nets::NetError;
use crate::out_of_fold::OutOfFoldError;
use crate::step::StepError;
use crate::texts::Texts;
use crate::weights::WeightsError;

pub fn add(texts: &mut Texts) {
    let path = || "a.onnx".into();
    let kept = || "the checkpoint of epoch 3 is kept".to_owned();
    let unavailable = Unavailable { device: Device::Cuda(0), reason: "no driver".into(), next: "install it".into() };
    add!(texts, TrainError {
        Recipe(invalid()),
        Missing { key: "network.architecture.path", path: path() },
        NoWeights {},
        Network(NetError::Onnx),
        Model(OnnxError::NotOnnx { path: path(), reason: "it has no graph".into() }),
        Weights(WeightsError::Empty { path: path() }),
        Data(Box::new(DataError::Nothing)),
        Image { kept: kept(), source: Box::new(DataError::NoRows("rle.csv".into())) },
        Images(Box::new(DataError::NoRows("rle.csv".into()))),
        Postprocess(Box::new(failed_plugin())),
        Rule { image: "1.2.3".into(), source: Box::new(failed_plugin()) },
        FoldedNorms { path: path(), count: 20, node: "node_Conv_92".into() },
        NoOutput { key: "network.map", path: path(), output: "map".into(), there: "`logits`".into() },
        Folds(Box::new(FoldsError::Empty { fold: 1 })),
        NoFold { fold: 7, trained: vec![0, 1, 2] },
        Sampling { fold: 0, phase: 1, source: SamplingError::NoPositives { images: 12 } },
        Runtime(RuntimeError::NotFound { places: vec!["ORT_DYLIB_PATH".into()] }),
        Placement(unavailable),
        Step { what: "fold 1, phase 1".into(), source: Box::new(StepError::NoOutput { output: "map".into() }) },
        Device(DeviceError::new("cannot copy to the device")(ort::Error::new("out of memory"))),
        Checkpoint(CheckpointError::State { path: "training.ckpt".into() }),
        Journal(JournalError::Read { path: "metrics.jsonl".into(), source: gone() }),
        OutOfFold(OutOfFoldError::EmptyId),
        Write(WriteError { path: "a.txt".into(), source: gone() }),
        NoFolder { path: "out".into() },
        Folder { path: "out".into(), source: gone() },
        DamagedWeights { path: "best.safetensors".into() },
        Busy { folder: "out".into(), source: gone() },
        Precision { device: Device::Cpu },
        Overflow { fold: 0, phase: 0, epoch: 2, step: 9, kept: kept() },
        NotFinite {
            loss: f32::NAN,
            fold: 0,
            phase: 0,
            epoch: 2,
            step: 9,
            images: vec!["a".into(), "b".into()],
            kept: kept(),
        },
        ValidationNotFinite { loss: f64::INFINITY, fold: 0, phase: 0, epoch: 2, kept: kept() },
        NoFigure { fold: 0, name: "AUC" },
        Run(failed_model()),
        Disagrees { output: "map".into(), worst: 0.5 },
        NoPhase { phase: 3, phases: 2 },
        Stopped {},
        Interrupted { checkpoint: "training.ckpt".into() },
    });
    add!(texts, SamplingError { NoPositives { images: 12 } });
}

fn failed_plugin() -> PluginError {
    PluginError::Call { plugin: "triplet".into(), call: "postprocess", why: Fault::WrotePast }
}
