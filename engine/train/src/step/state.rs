//! All numbers that steps change, on the device.

use std::sync::Arc;

use indexmap::IndexMap;

use super::optimizer::moments;
use super::{StepError, Subject};
use crate::checkpoint::Tensors;
use crate::device::{Buffer, DeviceError, Flat, Place};
use crate::forward::Roles;
use crate::recipe::Optimizer;
use crate::trace::{Constant, read};

/// Weights, gradients, the optimiser's moments and averages.
pub struct State {
    /// The trained weights.
    pub trained: Flat,
    /// Their gradients, with the same names and shapes.
    pub gradients: Flat,
    /// The optimiser's moments: momentum, or first and second moments.
    pub moments: Vec<Flat>,
    /// A second set of the trained weights, averaged over time.
    pub average: Option<Flat>,
    /// Frozen weights, and batch norms' running statistics.
    pub kept: IndexMap<String, Arc<Buffer>>,
}

impl State {
    /// The numbers of a network, and memory for the rest.
    ///
    /// # Errors
    /// If the network's weights cannot be read, or there is not enough memory.
    pub fn new(place: &Place, subject: &Subject, optimizer: &Optimizer, averaged: bool) -> Result<Self, StepError> {
        let roles = Roles::new(&subject.model);
        let (mut trained, mut kept) = (IndexMap::new(), IndexMap::new());
        let mut numbers = IndexMap::new();
        for tensor in subject.model.graph().initializer.iter().filter(|tensor| roles.is_weight(&tensor.name)) {
            // the forward pass has already read it
            let Ok((typed, Constant::Floats(values))) = read(tensor) else { continue };
            let is_trained = roles.is_trained(&tensor.name) && !subject.is_frozen(&tensor.name);
            let shapes = if is_trained { &mut trained } else { &mut kept };
            shapes.insert(tensor.name.clone(), typed.shape.clone());
            numbers.insert(tensor.name.clone(), (typed.shape, values));
        }
        let state = Self {
            gradients: Flat::new(place, &trained)?,
            moments: (0..moments(optimizer)).map(|_| Flat::new(place, &trained)).collect::<Result<_, _>>()?,
            average: averaged.then(|| Flat::new(place, &trained)).transpose()?,
            kept: kept
                .into_iter()
                .map(|(name, shape)| Ok((name, place.buffer(&shape)?)))
                .collect::<Result<_, DeviceError>>()?,
            trained: Flat::new(place, &trained)?,
        };
        state.set_weights(&numbers)?;
        if let Some(average) = &state.average {
            average.copy_from(&state.trained)?;
        }
        Ok(state)
    }

    /// The buffer of a weight, trained or not; with `averaged`, that of its average.
    #[must_use]
    pub fn weight(&self, name: &str, averaged: bool) -> Option<&Arc<Buffer>> {
        let trained = self.average.as_ref().filter(|_| averaged).unwrap_or(&self.trained);
        trained.tensors().get(name).or_else(|| self.kept.get(name))
    }

    /// The numbers of every weight; with `averaged`, the averaged ones if there are any.
    ///
    /// # Errors
    /// If the device fails.
    pub fn weights(&self, averaged: bool) -> Result<Tensors, DeviceError> {
        let trained = self.average.as_ref().filter(|_| averaged).unwrap_or(&self.trained);
        trained.tensors().iter().chain(&self.kept).map(read_named).collect()
    }

    /// Sets the numbers of weights by name; others are unchanged.
    ///
    /// # Errors
    /// If the device fails.
    pub fn set_weights(&self, numbers: &Tensors) -> Result<(), DeviceError> {
        for (name, (_, values)) in numbers {
            if let Some(buffer) = self.weight(name, false) {
                buffer.write(values)?;
            }
        }
        Ok(())
    }

    /// The names and shapes of everything that [`State::save`] returns.
    #[must_use]
    pub fn shapes(&self) -> IndexMap<String, Vec<usize>> {
        self.named().map(|(name, buffer)| (name, buffer.shape().to_vec())).collect()
    }

    /// Everything that the next step depends on.
    ///
    /// # Errors
    /// If the device fails.
    pub fn save(&self) -> Result<Tensors, DeviceError> {
        self.named().map(|(name, buffer)| Ok((name, (buffer.shape().to_vec(), buffer.read()?)))).collect()
    }

    /// Restores what [`State::save`] returned.
    ///
    /// # Errors
    /// If the device fails.
    pub fn load(&self, tensors: &Tensors) -> Result<(), DeviceError> {
        for (name, buffer) in self.named() {
            if let Some((_, values)) = tensors.get(&name) {
                buffer.write(values)?;
            }
        }
        Ok(())
    }

    /// Adds the trained weights to an average of `before` sets, with equal weights.
    ///
    /// # Errors
    /// If the device fails.
    pub fn average_in(&self, before: u32) -> Result<(), DeviceError> {
        let Some(average) = &self.average else { return Ok(()) };
        let share = 1.0 / (f64::from(before) + 1.0);
        for (mean, new) in average.tensors().values().zip(self.trained.tensors().values()) {
            let numbers = mean.read()?.into_iter().zip(new.read()?);
            let moved = |(mean, new): (f32, f32)| (f64::from(mean) + (f64::from(new) - f64::from(mean)) * share) as f32;
            mean.write(&numbers.map(moved).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn named(&self) -> impl Iterator<Item = (String, &Arc<Buffer>)> {
        let prefixes = ["moment1:", "moment2:"];
        let moments = self.moments.iter().zip(prefixes).map(|(flat, prefix)| (prefix, flat));
        let average = self.average.iter().map(|flat| ("average:", flat));
        let flats = std::iter::once(("", &self.trained)).chain(moments).chain(average);
        let flat = flats.flat_map(|(prefix, flat)| {
            flat.tensors().iter().map(move |(name, buffer)| (format!("{prefix}{name}"), buffer))
        });
        flat.chain(self.kept.iter().map(|(name, buffer)| (name.clone(), buffer)))
    }
}

/// A tensor's name, shape and numbers.
type Named = (String, (Vec<usize>, Vec<f32>));

fn read_named((name, buffer): (&String, &Arc<Buffer>)) -> Result<Named, DeviceError> {
    Ok((name.clone(), (buffer.shape().to_vec(), buffer.read()?)))
}
