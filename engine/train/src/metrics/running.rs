//! Running means of an epoch's losses.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// Means of the loss and its terms over images. A batch counts as many times as it has images, so that a short last
/// batch has no excess weight.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    sums: IndexMap<String, f64>,
    images: u64,
}

impl Running {
    /// Adds a batch: its mean losses by name, the same names each time.
    pub fn add<'n>(&mut self, losses: impl IntoIterator<Item = (&'n str, f32)>, images: usize) {
        for (name, loss) in losses {
            let weighted = f64::from(loss) * images as f64;
            if let Some(sum) = self.sums.get_mut(name) {
                *sum += weighted;
            } else {
                self.sums.insert(name.to_owned(), weighted);
            }
        }
        self.images += images as u64;
    }

    /// The mean of one loss; `None` if there were no images, or there is no such name.
    #[must_use]
    pub fn mean(&self, name: &str) -> Option<f64> {
        self.means().find(|(known, _)| *known == name).map(|(_, mean)| mean)
    }

    /// All means, in the order in which their names first appeared.
    pub fn means(&self) -> impl Iterator<Item = (&str, f64)> {
        let images = self.images as f64;
        self.sums.iter().filter(move |_| images > 0.0).map(move |(name, sum)| (name.as_str(), sum / images))
    }

    /// The number of images so far.
    #[must_use]
    pub fn images(&self) -> u64 {
        self.images
    }

    /// Resets the means.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_weigh_by_their_images() {
        let mut running = Running::default();
        assert_eq!(running.mean("loss"), None);
        running.add([("loss", 1.0), ("bce", 0.25)], 3);
        running.add([("loss", 2.0), ("bce", 1.25)], 1);
        assert_eq!(running.means().collect::<Vec<_>>(), [("loss", 1.25), ("bce", 0.5)]);
        assert_eq!((running.mean("bce"), running.mean("dice"), running.images()), (Some(0.5), None, 4));
        running.clear();
        running.add([("loss", 3.0)], 0);
        assert_eq!(running.mean("loss"), None);
    }

    #[test]
    fn an_epoch_can_be_interrupted() {
        let mut whole = Running::default();
        whole.add([("loss", 0.1)], 3);
        let mut read: Running = serde_json::from_str(&serde_json::to_string(&whole).unwrap()).unwrap();
        [&mut whole, &mut read].into_iter().for_each(|running| running.add([("loss", 0.7)], 2));
        assert_eq!(whole, read);
    }
}
