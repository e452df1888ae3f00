//! Limits of images in flight: batches, chunks and memory.

use crate::ensemble::Ensemble;
use crate::radiograph::{DecodeLimits, OverLimit};
use crate::{Radiograph, Size};

/// Bytes of a float.
const FLOAT: usize = size_of::<f32>();
/// Maps of an image that exist at once: a view's, a member's, the merged one, and one being computed.
const MAPS: usize = 4;
/// The default memory for images in flight, for each image of a batch.
const MEMORY: usize = 128 << 20;

/// How images are divided into chunks.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The largest batch of any model.
    pub batch: usize,
    /// Chunks that may be in flight at once.
    pub in_flight: usize,
    /// The memory limit in bytes for all images in flight.
    pub memory: usize,
    /// Whether an image above the limit is refused, rather than admitted alone.
    pub strict: bool,
    /// The memory limit for decoding an image.
    pub limits: DecodeLimits,
    /// Bytes that an image takes besides its own pixels and maps: its prepared images.
    pub prepared: usize,
    /// Prepared images and joined maps of the image's own size.
    pub planes: usize,
    /// Files that are decoded at once.
    pub threads: usize,
    /// Maps of an image that exist at once.
    pub maps: usize,
    /// Size of a map; `None`: the image's own.
    pub output: Option<Size>,
}

impl Ensemble {
    /// About the number of bytes that an image takes in flight, without its pixels.
    pub(in crate::ensemble) fn bytes_besides(&self, radiograph: &Radiograph) -> usize {
        self.plan(1).bytes_besides(radiograph.size())
    }

    /// The memory limit for reading and decoding an image: [`Options::memory`](crate::ensemble::Options::memory) less an
    /// eighth, reserved for what allocators lose between blocks.
    #[must_use]
    pub fn decode_limits(&self) -> DecodeLimits {
        self.memory.map_or(DecodeLimits::default(), DecodeLimits::of_memory)
    }

    /// The division of images into chunks.
    pub(in crate::ensemble) fn plan(&self, in_flight: usize) -> Plan {
        let members = self.stages().flat_map(|stage| &stage.members);
        let insisted = members
            .flat_map(|member| member.weights.iter().filter_map(|weights| weights.fixed_batch(&member.manifest)));
        let batch = self.batch.max(insisted.max().unwrap_or(1));
        Plan {
            batch,
            in_flight,
            threads: self.pool.threads(),
            memory: match self.memory {
                Some(_) => usize::try_from(self.decode_limits().bytes()).unwrap_or(usize::MAX),
                None => batch.saturating_mul(MEMORY).saturating_mul(self.devices.len()),
            },
            strict: self.memory.is_some(),
            limits: self.decode_limits(),
            prepared: self.recipes.iter().map(|recipe| recipe.held().0 * FLOAT).sum::<usize>()
                + self.shared_inputs().iter().filter(|group| group.uses > 1).map(|group| group.bytes).sum::<usize>(),
            planes: self.recipes.iter().map(|recipe| recipe.held().1).sum(),
            maps: MAPS + self.stages().map(|stage| stage.maps_kept()).max().unwrap_or(0) + usize::from(self.keep_maps),
            output: self.manifest.output.size.map(Size::from),
        }
    }
}

impl Plan {
    /// Bytes that an image of a size takes in flight.
    pub fn bytes(&self, size: Size) -> usize {
        // intensities and their resized copies are temporary: they count if a limit must hold
        let passing = if self.strict { 2 } else { 0 };
        plane(size).saturating_mul(1 + passing).saturating_add(self.bytes_besides(size))
    }

    /// Checks an image of a size against the limit.
    pub fn check(&self, size: Size) -> Result<(), OverLimit> {
        if self.strict { self.limits.check(self.bytes(size) as u64) } else { Ok(()) }
    }

    /// Bytes that an image takes besides its pixels.
    fn bytes_besides(&self, size: Size) -> usize {
        let maps = plane(self.output.unwrap_or(size)).saturating_mul(self.maps);
        maps.saturating_add(self.prepared).saturating_add(plane(size).saturating_mul(self.planes))
    }
}

/// Bytes of a plane of a size.
fn plane(size: Size) -> usize {
    size.area().saturating_mul(FLOAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_weighs_its_pixels_and_its_maps() {
        let plan = Plan {
            batch: 2,
            in_flight: 5,
            memory: 0,
            threads: 4,
            strict: false,
            limits: DecodeLimits::default(),
            prepared: 7,
            planes: 0,
            maps: 2,
            output: Some(Size::new(2, 2)),
        };
        assert_eq!(plan.bytes(Size::new(3, 3)), 9 * 4 + 7 + 2 * 4 * 4);
        assert_eq!(Plan { planes: 3, ..plan }.bytes(Size::new(3, 3)), 4 * 9 * 4 + 7 + 2 * 4 * 4);
        assert_eq!(Plan { output: None, ..plan }.bytes(Size::new(3, 3)), 9 * 4 + 7 + 2 * 9 * 4);
    }
}
