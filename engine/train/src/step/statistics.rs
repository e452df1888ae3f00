//! Recomputes batch norms' statistics: averaged weights have no running statistics of their own.

use std::sync::Arc;

use super::{State, StepError, Subject};
use crate::device::{Buffer, DeviceError, Place, Program};
use crate::forward::{Mode, forward};
use crate::trace::Trace;

/// The forward pass in training form, which outputs every batch's statistics.
pub struct Gathering {
    program: Program,
    image: Arc<Buffer>,
    noise: Vec<Arc<Buffer>>,
    found: Vec<(String, Arc<Buffer>)>,
    sums: Vec<Vec<f64>>,
    batches: u32,
}

impl Gathering {
    /// Opens the averaged network for images of one shape, (N, C, H, W); `None` if it has no batch norm that uses the
    /// batch's statistics.
    ///
    /// # Errors
    /// If the network cannot be trained, or the device refuses the graph.
    pub fn new(place: &Place, subject: &Subject, state: &State, shape: [usize; 4]) -> Result<Option<Self>, StepError> {
        let mut trace = Trace::on(place.target(), "statistics");
        let forward = forward(&mut trace, &subject.network(), shape, Mode::Training)?;
        if forward.statistics.is_empty() {
            return Ok(None);
        }
        let image = place.buffer(&shape)?;
        let noise = forward.noise.iter().map(|(name, shape)| Ok((name.clone(), place.buffer(shape)?)));
        let noise: Vec<_> = noise.collect::<Result<_, DeviceError>>()?;
        let mut inputs = vec![(forward.image.clone(), &image)];
        inputs.extend(noise.iter().map(|(name, buffer)| (name.clone(), buffer)));
        let weight = |name: &String| state.weight(name, true).map(|buffer| (name.clone(), buffer));
        inputs.extend(forward.weights.iter().filter_map(weight));
        let (mut found, mut outputs) = (Vec::new(), Vec::new());
        for (at, statistic) in forward.statistics.iter().enumerate() {
            let name = format!("statistic:{at}");
            trace.output(&statistic.batch, &name);
            found.push((statistic.running.clone(), place.buffer(trace.shape(&statistic.batch))?));
            outputs.push(name);
        }
        let outputs: Vec<_> = outputs.into_iter().zip(found.iter().map(|(_, buffer)| buffer)).collect();
        let program = Program::new(place, &trace.into_model(), &inputs, &outputs)?;
        let noise = noise.into_iter().map(|(_, buffer)| buffer).collect();
        let sums = found.iter().map(|(_, buffer)| vec![0.0; buffer.len()]).collect();
        Ok(Some(Self { program, image, noise, found, sums, batches: 0 }))
    }

    /// Adds a batch of images, (N, C, H, W), row-major. `random` returns numbers in 0..1, for dropout.
    ///
    /// # Errors
    /// If the device fails.
    pub fn add(&mut self, images: &[f32], mut random: impl FnMut() -> f32) -> Result<(), DeviceError> {
        self.image.write(images)?;
        for buffer in &self.noise {
            let numbers: Vec<f32> = (0..buffer.len()).map(|_| random()).collect();
            buffer.write(&numbers)?;
        }
        self.program.run()?;
        for (sum, (_, buffer)) in self.sums.iter_mut().zip(&self.found) {
            sum.iter_mut().zip(buffer.read()?).for_each(|(sum, number)| *sum += f64::from(number));
        }
        self.batches += 1;
        Ok(())
    }

    /// Replaces the running statistics by the means over all batches.
    ///
    /// # Errors
    /// If the device fails.
    pub fn finish(self, state: &State) -> Result<(), DeviceError> {
        for (sum, (running, _)) in self.sums.iter().zip(&self.found) {
            let Some(buffer) = state.kept.get(running).filter(|_| self.batches > 0) else { continue };
            let mean: Vec<f32> = sum.iter().map(|sum| (sum / f64::from(self.batches)) as f32).collect();
            buffer.write(&mean)?;
        }
        Ok(())
    }
}
