//! A network in training, on a synthetic batch.

use std::time::Instant;

use pleura::runtime::{self, Device};
use pleura_train::device::Place;
use pleura_train::nets;
use pleura_train::recipe::{Loss, Network, Optimizer, Precision};
use pleura_train::step::{Pass, PassOptions, Rates, Source, State, Subject, Update};
use rand::{Rng, SeedableRng};

use super::side::Answer;

/// What a step has to do.
#[derive(Clone, Copy)]
pub struct Load {
    pub batch: usize,
    /// Height and width of the images.
    pub size: usize,
    pub threads: usize,
    /// As in a recipe; pleura's side only.
    pub recompute: bool,
}

pub struct Training {
    images: Vec<f32>,
    maps: Vec<f32>,
    pass: Pass,
    update: Update,
    updates: u64,
}

impl Training {
    /// `architecture` as in a recipe, for batches of `batch` images of `size` squared, three channels each.
    pub fn new(architecture: &str, Load { batch, size, threads, recompute }: Load) -> Answer<Self> {
        let network: Network = serde_json::from_str(&format!(r#"{{"architecture": {architecture}, "channels": 3}}"#))?;
        let optimizer: Optimizer = serde_json::from_str(r#"{"kind": "adam"}"#)?;
        let loss: Loss = serde_json::from_str(r#"{"map": [{"kind": "bce"}, {"kind": "dice"}]}"#)?;
        let place = Place::new(runtime::load(None)?, Device::Cpu, threads)?;
        let subject = Subject {
            model: nets::build(&network, 1)?,
            map: Some(Source::logits("map")),
            score: None,
            channels_last: false,
            freeze_batch_norm: false,
            frozen_prefix: None,
        };
        let state = State::new(&place, &subject, &optimizer, false)?;
        let options = PassOptions {
            shape: [batch, 3, size, size],
            loss: &loss,
            accumulates: false,
            precision: Precision::Fp32,
            recompute,
        };
        let pass = Pass::new(&place, &subject, &state, options)?;
        let update = Update::new(&place, &state, &optimizer, None)?;
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let images = (0..batch * 3 * size * size).map(|_| random.random()).collect();
        let maps = (0..batch * size * size).map(|_| f32::from(u8::from(random.random::<f32>() < 0.1))).collect();
        Ok(Self { images, maps, pass, update, updates: 0 })
    }

    /// Seconds per step, averaged over `count`, and processor seconds.
    pub fn steps(&mut self, count: u32) -> Answer<[f64; 2]> {
        let (start, processor) = (Instant::now(), processor());
        for _ in 0..count {
            let losses = self.pass.run([&self.images, &self.maps, &[]], false, || 0.5)?;
            if !losses.total.is_finite() {
                return Err("the loss is no number".into());
            }
            self.updates += 1;
            self.update.run(Rates { lr: 1e-4, updates: self.updates, passes: 1, scale: 1.0 })?;
        }
        let spent = [start.elapsed().as_secs_f64(), self::processor() - processor];
        Ok(spent.map(|seconds| seconds / f64::from(count)))
    }
}

/// Processor seconds of this process.
fn processor() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes a time to a variable of its type.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0, "every Linux has this clock");
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
