//! One network of an ensemble: its calibration, and its variants.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ndarray::Array4;
use serde::Serialize;

use super::error::OptimizeError;
use super::fold;
use super::note::Note;
use super::ranges::{Probe, Ranges};
use super::{Form, half, int8, tidy};
use crate::chain;
use crate::ensemble::{ModelInput, Network as Member};
use crate::onnx::{self, Model};
use crate::runtime::{self, Device, ModelError};

/// The number of timed runs of each of two networks.
const TIMES: usize = 5;

/// A network of an ensemble.
pub struct Network {
    member: Member,
    /// The network, tidied and with its normalisations folded, or the reason for leaving it unchanged.
    model: Result<Model, String>,
    probe: Option<Probe>,
    ranges: Ranges,
    /// The first input tensor, with the input's name.
    sample: Option<(String, Array4<f32>)>,
    /// The number of calibration inputs.
    pub fed: usize,
}

/// The result for a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// The original.
    pub file: PathBuf,
    /// The variant, relative to its manifest.
    pub to: PathBuf,
    /// The original's size in bytes.
    pub bytes_before: u64,
    /// The variant's size in bytes.
    pub bytes_after: u64,
    /// Seconds that the original takes for a batch; `None` if it was left unchanged.
    pub seconds_before: Option<f64>,
    /// Seconds that the variant takes for the same batch on the same machine, measured alternately.
    pub seconds_after: Option<f64>,
    /// The number of calibration batches: its share of the time.
    pub fed: usize,
    /// Notes for the user.
    pub notes: Vec<Note>,
}

impl Network {
    /// Reads a network, and opens it with the bounds of its values as outputs.
    pub fn open(member: Member) -> Result<Self, OptimizeError> {
        let model = match onnx::read_whole(member.source.path()) {
            // in the manifest's folder, and not in the model's
            Err(onnx::OnnxError::External { reason, .. }) => Err(format!("its weights are in another file: {reason}")),
            Err(error) => return Err(error.into()),
            Ok(model) => tidy::refusal(&model).map_or(Ok(model), Err),
        };
        let model = model.map(|model| {
            let mut model = tidy::tidied(&model);
            fold::fold(&mut model);
            model
        });
        let opener = member.opener();
        let probe =
            model.as_ref().ok().map(|model| Probe::open(model, opener.runtime, opener.sessions[0])).transpose()?;
        Ok(Self { member, model, probe, ranges: Ranges::default(), sample: None, fed: 0 })
    }

    /// The ONNX file.
    pub fn file(&self) -> &Path {
        self.member.source.path()
    }

    /// Runs the network on an input and records its values' bounds.
    pub fn look(&mut self, fed: &ModelInput<'_>) -> Result<(), ModelError> {
        if let Some(probe) = &mut self.probe {
            probe.look(fed.input, fed.tensor.view().into_dyn())?;
        }
        self.sample.get_or_insert_with(|| (fed.input.to_owned(), fed.tensor.clone()));
        self.fed += 1;
        Ok(())
    }

    /// Closes the calibration session.
    pub fn seen(&mut self) {
        if let Some(probe) = self.probe.take() {
            self.ranges = probe.ranges();
        }
    }

    /// Writes a variant to `folder.join(to)`, or the unchanged file.
    pub fn write(&self, form: Form, folder: &Path, to: &Path) -> Result<Written, OptimizeError> {
        let target = folder.join(to);
        let (variant, mut notes) = self.variant(form);
        let variant = match variant {
            Some(model) => {
                model.write(&target)?;
                self.accepted(&target).map_err(|why| notes = vec![Note::AsIs { why }]).ok()
            }
            None => None,
        };
        let times = match &variant {
            Some(variant) => Some(self.times(variant)?),
            None => {
                super::folder::copy_model(self.file(), &target)?;
                None
            }
        };
        let bytes = |path: &Path| std::fs::metadata(path).map(|it| it.len()).map_err(OptimizeError::file("read", path));
        let files = super::folder::external_files(self.file())?;
        let beside = files.iter().map(|file| bytes(file)).sum::<Result<u64, _>>()?;
        Ok(Written {
            file: self.file().into(),
            to: to.into(),
            bytes_before: bytes(self.file())? + beside,
            bytes_after: bytes(&target)?,
            seconds_before: times.map(|(before, _)| before),
            seconds_after: times.map(|(_, after)| after),
            fed: self.fed,
            notes,
        })
    }

    /// Whether the ensemble runs it on the CPU.
    pub fn on_cpu(&self) -> bool {
        self.member.opener().sessions[0].device == Device::Cpu
    }

    /// Writes the network that rounds as its half-precision variant does, or the unchanged file if there is none.
    pub fn write_rounding(&self, target: &Path) -> Result<(), OptimizeError> {
        match &self.model {
            Ok(model) if self.ranges.runs() > 0 => {
                let (halved, _) = half::half(model, &self.ranges);
                Ok(half::rounding(&halved).write(target)?)
            }
            _ => super::folder::copy_model(self.file(), target),
        }
    }

    /// The variant, if there is one, and the notes.
    fn variant(&self, form: Form) -> (Option<Model>, Vec<Note>) {
        let as_is = |why: &str| (None, vec![Note::AsIs { why: why.to_owned() }]);
        match &self.model {
            Err(why) => as_is(why),
            Ok(_) if self.ranges.runs() == 0 => as_is("no calibration image reached it"),
            Ok(model) => match form {
                Form::Fp16 => {
                    let (model, notes) = half::half(model, &self.ranges);
                    (Some(model), notes)
                }
                Form::Int8 => match int8::int8(model, &self.ranges) {
                    Some((model, notes)) => (Some(model), notes),
                    None => as_is("it has no layer that can be quantised to 8 bits"),
                },
            },
        }
    }

    /// The variant, opened as the ensemble opens it, or why ONNX Runtime refuses it.
    fn accepted(&self, target: &Path) -> Result<runtime::Model, String> {
        let opener = self.member.opener();
        let refused = |error: ModelError| format!("ONNX Runtime rejects the variant: {}", chain(&error));
        runtime::Model::open(opener.runtime, target, opener.sessions[0]).map_err(refused)
    }

    /// Seconds that the original and a variant take for the same batch, measured alternately: the fastest of several
    /// runs, which other programs have disturbed least.
    fn times(&self, variant: &runtime::Model) -> Result<(f64, f64), OptimizeError> {
        let Some((input, tensor)) = &self.sample else { return Ok((0.0, 0.0)) };
        let original: &Arc<runtime::Model> = self.member.model()?;
        let outputs: Vec<&str> = self.member.outputs.iter().map(String::as_str).collect();
        let time = |model: &runtime::Model| -> Result<f64, ModelError> {
            let start = Instant::now();
            model.run(input, tensor.view().into_dyn(), &outputs)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let (mut before, mut after) = (f64::INFINITY, f64::INFINITY);
        // The first run of each builds plans that the others reuse.
        for turn in 0..=TIMES {
            let pair = (time(original)?, time(variant)?);
            if turn > 0 {
                before = before.min(pair.0);
                after = after.min(pair.1);
            }
        }
        Ok((before, after))
    }
}
