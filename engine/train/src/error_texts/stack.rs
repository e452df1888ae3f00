//! Stacking.

use pleura::runtime::{Device, DeviceError as Unavailable, RuntimeError};

use super::{failed_model, gone, invalid};
use crate::data::FoldsError;
use crate::device::DeviceError;
use crate::files::WriteError;
use crate::fit::TrainError;
use crate::out_of_fold::OutOfFoldError;
use crate::stack::{Images, StackError};
use crate::step::StepError;
use crate::texts::Texts;

pub fn add(texts: &mut Texts) {
    let path = || "unet/oof.csv".into();
    let images = |count: usize| Images((0..count).map(|number| format!("id{number}")).collect());
    let name = |name: &str| name.to_owned();
    let unavailable = Unavailable { device: Device::Cuda(0), reason: "no driver".into(), next: "install it".into() };
    add!(texts, StackError {
        Recipe(invalid()),
        Missing { member: 1, path: path() },
        OutOfFold(OutOfFoldError::EmptyId),
        NoScore { member: 1, path: path(), images: images(1) },
        Absent { absent: vec![(name("unet"), images(5)), (name("deeplab"), images(1))] },
        Nothing {},
        Labels { one: name("unet"), other: name("deeplab"), images: images(2) },
        Folds { one: name("unet"), other: name("deeplab"), images: images(2) },
        OneFold { fold: 0 },
        Divide(FoldsError::Empty { fold: 1 }),
        OneClass { fold: 0, positives: 0, images: 9 },
        Overwrites { path: path() },
        Step(StepError::NoOutput { output: "score".into() }),
        Device(DeviceError::new("cannot copy to the device")(ort::Error::new("out of memory"))),
        Runtime(RuntimeError::NotFound { places: vec!["ORT_DYLIB_PATH".into()] }),
        Placement(unavailable),
        NotFinite { loss: f32::NAN, fold: 0, epoch: 3 },
        Run(failed_model()),
        Disagrees { worst: 0.5 },
        Write(WriteError { path: path(), source: gone() }),
        Folder(TrainError::NoFolder { path: "out".into() }),
    });
}
