//! Images that travel together, and how many of them: enough to fill batches, within the memory that there may be.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError};

use crate::ensemble::Ensemble;
use crate::ensemble::ImageError;
use crate::ensemble::member::prepare::Prepared;
use crate::radiograph::{self, DecodeLimits, OverLimit, RadiographError};
use crate::{Radiograph, Size};

/// Batches that a chunk may fill. What passes the gate is a fraction of it, and should fill one still.
const BATCHES: usize = 8;
/// Bytes of a float.
const FLOAT: usize = size_of::<f32>();
/// Maps of an image that are alive at once: a view's, a member's, the merged one, and the one being made of them.
const MAPS: usize = 4;
/// The memory of images on their way, unless said, for each image of a batch.
const MEMORY: usize = 128 << 20;

/// Decoded files, in order.
pub struct Chunk<'f> {
    pub number: usize,
    /// What its images take on their way.
    pub bytes: usize,
    pub images: Vec<(&'f Path, Result<Radiograph, ImageError>)>,
    /// What is prepared of them already; images are counted as in [`Chunk::radiographs`].
    pub prepared: Prepared,
}

impl Chunk<'_> {
    /// Those that could be decoded.
    pub fn radiographs(&self) -> Vec<&Radiograph> {
        self.images.iter().filter_map(|(_, radiograph)| radiograph.as_ref().ok()).collect()
    }
}

/// How files are divided into chunks.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The largest batch of any model.
    pub batch: usize,
    /// Chunks that may be on their way at once.
    pub in_flight: usize,
    /// The bytes that all images on their way may take together.
    pub memory: usize,
    /// Whether an image that takes more than that is refused, and not let in alone.
    pub strict: bool,
    /// What decoding an image may take.
    pub limits: DecodeLimits,
    /// Bytes that an image takes besides its own pixels and maps: what its members see.
    pub prepared: usize,
    /// Files that are decoded at once.
    pub threads: usize,
    /// Maps of an image that are alive at once.
    pub maps: usize,
    /// Size of a map; the image's own where there is none.
    pub output: Option<Size>,
}

impl Ensemble {
    /// About how many bytes an image takes on its way, those of its pixels not counted.
    pub(in crate::ensemble) fn bytes_besides(&self, radiograph: &Radiograph) -> usize {
        self.plan(1).bytes_besides(radiograph.size())
    }

    /// What reading and decoding an image may take: [`Options::memory`](crate::ensemble::Options::memory) less an eighth, which is
    /// for what allocators lose between blocks.
    #[must_use]
    pub fn decode_limits(&self) -> DecodeLimits {
        self.memory.map_or(DecodeLimits::default(), DecodeLimits::of_memory)
    }

    /// How files are to be divided.
    pub(in crate::ensemble) fn plan(&self, in_flight: usize) -> Plan {
        let members = self.stages().flat_map(|stage| &stage.members);
        let insisted = members.flat_map(|member| {
            member.weights.iter().filter_map(|weights| weights.fixed_batch(&member.manifest.input.name))
        });
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
            prepared: self.recipes.iter().map(|recipe| recipe.size.area() * FLOAT).sum(),
            maps: MAPS + self.stages().map(|stage| stage.maps_kept()).max().unwrap_or(0) + usize::from(self.keep_maps),
            output: self.manifest.output.size.map(Size::from),
        }
    }
}

impl Plan {
    /// A reader of files by this plan.
    pub fn reader(self, files: &[PathBuf]) -> Reader<'_> {
        let threads = self.threads;
        let claim = files.first().map_or(0, |path| self.claim(path));
        Reader { plan: self, rest: files, number: 0, largest: 0, claim, wanted: 0, threads, chunks: 0, bytes: 0 }
    }

    /// Bytes that an image of a size takes on its way.
    fn bytes(&self, size: Size) -> usize {
        // intensities, and what resizing makes of them, come and go: they count where a limit must hold
        let passing = if self.strict { 2 } else { 0 };
        plane(size).saturating_mul(1 + passing).saturating_add(self.bytes_besides(size))
    }

    /// An image of a size that takes more than all may.
    fn check(&self, size: Size) -> Result<(), OverLimit> {
        let needed = self.bytes(size) as u64;
        if self.strict && needed > self.limits.bytes() {
            return Err(OverLimit { needed, limit: self.limits.bytes() });
        }
        Ok(())
    }

    /// What a file takes while it is decoded, where a limit must hold: all that there is where it does not say.
    fn claim(&self, path: &Path) -> usize {
        let estimate = || radiograph::estimate(path).map_or(self.memory, |bytes| bytes as usize);
        if self.strict { estimate().min(self.memory) } else { 0 }
    }

    /// Those of them that are not its pixels.
    fn bytes_besides(&self, size: Size) -> usize {
        let maps = plane(self.output.unwrap_or(size)).saturating_mul(self.maps);
        maps.saturating_add(self.prepared)
    }
}

/// Bytes of a plane of a size.
fn plane(size: Size) -> usize {
    size.area().saturating_mul(FLOAT)
}

/// Files on their way into chunks.
pub struct Reader<'f> {
    plan: Plan,
    rest: &'f [PathBuf],
    number: usize,
    /// Bytes of the largest image so far.
    largest: usize,
    /// What the next file takes while it is decoded.
    claim: usize,
    /// Images that the chunk before was to have.
    wanted: usize,
    threads: usize,
    /// Chunks on their way, and the bytes that their images take.
    chunks: usize,
    bytes: usize,
}

impl<'f> Reader<'f> {
    /// Waits until another chunk may be on its way; `done` tells the bytes of those that no longer are. False where
    /// nobody is left to tell.
    pub fn wait(&mut self, done: &Receiver<usize>) -> bool {
        loop {
            let full = self.chunks >= self.plan.in_flight
                || self.bytes.saturating_add(self.largest.max(self.claim)) > self.plan.memory;
            let told = if self.chunks > 0 && full { done.recv().map_err(|_| true) } else { try_recv(done) };
            match told {
                Ok(bytes) => {
                    self.chunks -= 1;
                    self.bytes -= bytes;
                }
                Err(gone) => return !gone,
            }
        }
    }

    /// The next chunk; none where no files are left. A chunk has at least one file, however large.
    pub fn next(
        &mut self,
        decode: impl Fn(&'f [PathBuf]) -> Vec<(&'f Path, Result<Radiograph, ImageError>)>,
    ) -> Option<Chunk<'f>> {
        if self.rest.is_empty() {
            return None;
        }
        let Plan { batch, in_flight, memory, .. } = self.plan;
        // The first chunks are small, so that models soon have work, and the last ones, so that they end together.
        let share = self.rest.len().div_ceil(in_flight);
        self.wanted = (2 * self.wanted).min(share).clamp(batch, batch.saturating_mul(BATCHES));
        // a batch is filled where it can be, though fewer chunks are on their way then
        let share = (memory / in_flight).max(batch.saturating_mul(self.largest));
        let quota = share.min(memory.saturating_sub(self.bytes));
        let (mut images, mut bytes) = (Vec::new(), 0_usize);
        while images.len() < self.wanted && !self.rest.is_empty() {
            let room = quota.saturating_sub(bytes).checked_div(self.largest).unwrap_or(self.threads);
            let most = if images.is_empty() { room.max(1) } else { room };
            let step = most.min(self.threads).min(self.wanted - images.len()).min(self.rest.len());
            let step = self.together(step, images.is_empty(), memory.saturating_sub(self.bytes.saturating_add(bytes)));
            if step == 0 {
                break;
            }
            let (now, later) = self.rest.split_at(step);
            self.rest = later;
            for (path, radiograph) in decode(now) {
                let radiograph = radiograph.and_then(|radiograph| self.admit(path, radiograph));
                let size = radiograph.as_ref().map_or(0, |radiograph| self.plan.bytes(radiograph.size()));
                self.largest = self.largest.max(size);
                bytes = bytes.saturating_add(size);
                images.push((path, radiograph));
            }
        }
        let number = self.number;
        self.number += 1;
        self.chunks += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        Some(Chunk { number, bytes, images, prepared: Prepared::default() })
    }
}

impl Reader<'_> {
    /// How many of the next files, at most `step`, fit `room` together while they are decoded; the first of a chunk
    /// does, as it has been waited for.
    fn together(&mut self, step: usize, first: bool, room: usize) -> usize {
        let (mut count, mut sum) = (0, 0_usize);
        while count < step {
            sum = sum.saturating_add(self.claim);
            if sum > room && !(first && count == 0) {
                break;
            }
            count += 1;
            self.claim = self.rest.get(count).map_or(0, |path| self.plan.claim(path));
        }
        count
    }

    /// An image, if what comes after decoding fits the memory too.
    fn admit(&self, path: &Path, radiograph: Radiograph) -> Result<Radiograph, ImageError> {
        let over = |over| ImageError::from(RadiographError::Memory { path: path.into(), over });
        self.plan.check(radiograph.size()).map_err(over)?;
        Ok(radiograph)
    }
}

/// What has been told already; otherwise, whether there is nobody left to tell.
fn try_recv(done: &Receiver<usize>) -> Result<usize, bool> {
    done.try_recv().map_err(|error| error == TryRecvError::Disconnected)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use ndarray::Array2;

    use super::*;

    fn plan(memory: usize) -> Plan {
        Plan {
            batch: 2,
            in_flight: 5,
            memory,
            threads: 4,
            strict: false,
            limits: DecodeLimits::default(),
            prepared: 0,
            maps: 0,
            output: None,
        }
    }

    fn decode(paths: &[PathBuf]) -> Vec<(&Path, Result<Radiograph, ImageError>)> {
        let radiograph = || Radiograph::from_values("x", Array2::zeros((10, 10)), (0.0, 1.0)).unwrap();
        paths.iter().map(|path| (path.as_path(), Ok(radiograph()))).collect()
    }

    /// Sizes of the chunks of so many files of 10×10 pixels, and the order of their files.
    fn chunks(plan: Plan, files: usize) -> (Vec<usize>, Vec<PathBuf>) {
        let files: Vec<PathBuf> = (0..files).map(|i| format!("{i}.png").into()).collect();
        let mut reader = plan.reader(&files);
        let mut sizes = Vec::new();
        let mut order = Vec::new();
        let (tell, done) = channel();
        let mut waiting = Vec::new();
        while reader.wait(&done)
            && let Some(chunk) = reader.next(decode)
        {
            assert_eq!(chunk.number, sizes.len());
            waiting.push(chunk.bytes);
            let held: usize = waiting.iter().sum();
            assert!(held <= plan.memory || waiting.len() == 1 || chunk.number == 0, "{held} bytes on their way");
            assert!(waiting.len() <= plan.in_flight);
            // The first in is the first out, as late as can be.
            if waiting.len() == plan.in_flight || held + 400 > plan.memory {
                tell.send(waiting.remove(0)).unwrap();
            }
            sizes.push(chunk.images.len());
            order.extend(chunk.images.iter().map(|(path, _)| path.to_path_buf()));
        }
        assert_eq!(order, files);
        (sizes, order)
    }

    #[test]
    fn chunks_grow_and_shrink_again() {
        let (sizes, _) = chunks(plan(usize::MAX), 200);
        assert_eq!(sizes[..4], [2, 4, 8, 16]);
        assert!(sizes.iter().all(|&size| size <= 16));
        assert!(sizes[sizes.len() - 3..].iter().all(|&size| size <= 3), "{sizes:?}");
        assert_eq!(chunks(plan(usize::MAX), 1).0, [1]);
        assert!(chunks(plan(usize::MAX), 0).0.is_empty());
    }

    #[test]
    fn memory_bounds_what_is_on_its_way() {
        // 400 bytes an image, five chunks: 3 images a chunk at most. The first chunk knows no sizes yet.
        let (sizes, _) = chunks(plan(3 * 400 * 5), 100);
        assert!(sizes[1..].iter().all(|&size| size <= 3), "{sizes:?}");
        assert!(sizes.contains(&3));
        // Too little for anything is enough for one image at a time.
        let (sizes, _) = chunks(plan(1), 20);
        assert!(sizes[1..].iter().all(|&size| size == 1), "{sizes:?}");
    }

    #[test]
    fn under_a_limit_files_wait_for_room_and_images_above_it_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = (0..6).map(|i| folder.path().join(format!("{i}.png"))).collect();
        for file in &files {
            image::GrayImage::new(512, 512).save(file).unwrap();
        }
        let claim = Plan { strict: true, ..plan(usize::MAX) }.claim(&files[0]);
        let steps = |memory: usize| {
            let mut reader =
                Plan { strict: true, limits: DecodeLimits::new(memory as u64), ..plan(memory) }.reader(&files);
            reader.threads = 4;
            let steps = std::cell::RefCell::new(Vec::new());
            let chunk = reader.next(|paths| {
                steps.borrow_mut().push(paths.len());
                let open = |path: &PathBuf| Radiograph::open(path).map_err(ImageError::from);
                paths.iter().map(|path| (path.as_path(), open(path))).collect()
            });
            (steps.into_inner(), chunk.unwrap().images.iter().filter(|(_, image)| image.is_ok()).count())
        };
        assert_eq!(steps(2 * claim + 1), (vec![2], 2));
        assert_eq!(steps(2 * claim - 1).0[0], 1);
        // less than the pixels alone
        assert_eq!(steps(1000), (vec![1, 1], 0));
    }

    #[test]
    fn an_image_weighs_its_pixels_and_its_maps() {
        let plan = Plan { prepared: 7, maps: 2, output: Some(Size::new(2, 2)), ..plan(0) };
        assert_eq!(plan.bytes(Size::new(3, 3)), 9 * 4 + 7 + 2 * 4 * 4);
        assert_eq!(Plan { output: None, ..plan }.bytes(Size::new(3, 3)), 9 * 4 + 7 + 2 * 9 * 4);
    }
}
