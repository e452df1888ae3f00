//! Prepared images in memory, up to a limit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pleura::Size;

use super::prepare::Sample;

/// Entries are never evicted for newer ones: an epoch uses every image once, so evicting the oldest would leave nothing
/// to find. Only when another size is requested, as in the next phase, are the old ones dropped.
#[derive(Debug)]
pub(super) struct Cache {
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    samples: HashMap<(usize, Size), Arc<Sample>>,
}

impl Cache {
    pub(super) fn new(mib: u32) -> Self {
        Self { limit: (mib as usize).saturating_mul(1 << 20), kept: Mutex::default() }
    }

    /// The image of an index at a size, if it is kept.
    pub(super) fn get(&self, index: usize, size: Size) -> Option<Arc<Sample>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).samples.get(&(index, size)).map(Arc::clone)
    }

    /// Caches an image, if there is room.
    pub(super) fn put(&self, index: usize, sample: &Arc<Sample>) {
        let (size, bytes) = (sample.image.dim().into(), bytes(sample));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes > self.limit {
            kept.samples.retain(|(_, kept), _| *kept == size);
            kept.bytes = kept.samples.values().map(|sample| self::bytes(sample)).sum();
        }
        if kept.bytes + bytes <= self.limit && kept.samples.insert((index, size), Arc::clone(sample)).is_none() {
            kept.bytes += bytes;
        }
    }
}

fn bytes(sample: &Sample) -> usize {
    sample.image.len() * size_of::<f32>() + sample.mask.len()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// 5 bytes per pixel: 640 KiB.
    fn sample(side: usize) -> Arc<Sample> {
        Arc::new(Sample { image: Array2::zeros((side, side)), mask: Array2::zeros((side, side)) })
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let cache = Cache::new(1);
        let large = sample(362);
        cache.put(0, &large);
        cache.put(1, &large);
        assert!(cache.get(0, Size::new(362, 362)).is_some() && cache.get(1, Size::new(362, 362)).is_none());
        assert!(cache.get(0, Size::new(8, 8)).is_none());
        let none = Cache::new(0);
        none.put(0, &large);
        assert!(none.get(0, Size::new(362, 362)).is_none());
    }

    #[test]
    fn another_size_takes_the_place_of_the_one_before() {
        let cache = Cache::new(1);
        cache.put(0, &sample(362));
        cache.put(0, &sample(8));
        assert!(cache.get(0, Size::new(362, 362)).is_some() && cache.get(0, Size::new(8, 8)).is_some(), "both fit");
        cache.put(0, &sample(400));
        assert!(cache.get(0, Size::new(362, 362)).is_none() && cache.get(0, Size::new(400, 400)).is_some());
        cache.put(0, &sample(400));
        assert_eq!(cache.kept.lock().unwrap().bytes, 5 * 400 * 400, "counted once");
    }
}
