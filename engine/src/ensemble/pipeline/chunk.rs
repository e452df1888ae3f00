//! Images that are processed together, and their number: enough to fill batches, within the plan's limits.

use std::sync::mpsc::{Receiver, TryRecvError};

use super::plan::Plan;
use super::source::{Named, Source};
use crate::Radiograph;
use crate::ensemble::ImageError;
use crate::ensemble::member::prepare::Prepared;
use crate::radiograph::RadiographError;

/// Batches that a chunk may fill. Only a fraction of them passes the gate, and should still fill one.
const BATCHES: usize = 8;

/// Images in order, with their names.
pub struct Chunk<N> {
    pub number: usize,
    /// The bytes that its images take while in flight.
    pub bytes: usize,
    pub images: Vec<Named<N>>,
    /// Images that are already prepared; counted as in [`Chunk::radiographs`].
    pub prepared: Prepared,
}

impl<N> Chunk<N> {
    /// The images that could be decoded.
    pub fn radiographs(&self) -> Vec<&Radiograph> {
        self.images.iter().filter_map(|(_, radiograph)| radiograph.as_ref().ok()).collect()
    }
}

/// Divides images into chunks.
pub struct Reader<S> {
    plan: Plan,
    source: S,
    number: usize,
    /// Bytes of the largest image so far.
    largest: usize,
    /// The intended number of images of the previous chunk.
    wanted: usize,
    threads: usize,
    /// Chunks in flight, and the bytes that their images take.
    chunks: usize,
    bytes: usize,
}

impl<S: Source> Reader<S> {
    pub fn new(plan: Plan, source: S) -> Self {
        let threads = plan.threads;
        Self { plan, source, number: 0, largest: 0, wanted: 0, threads, chunks: 0, bytes: 0 }
    }

    /// Waits until another chunk may be in flight; `done` receives the bytes of finished ones. False if its sender is
    /// gone.
    pub fn wait(&mut self, done: &Receiver<usize>) -> bool {
        let next = self.largest.max(self.source.claim(0, &self.plan));
        loop {
            let full = self.chunks >= self.plan.in_flight || self.bytes.saturating_add(next) > self.plan.memory;
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

    /// The next chunk, with at least one image, however large; `None` if no images are left.
    pub fn next(&mut self) -> Option<Chunk<S::Name>> {
        let left = self.source.left();
        if left == 0 {
            return None;
        }
        let Plan { batch, in_flight, memory, .. } = self.plan;
        // The first chunks are small, so that models start soon, and the last ones, so that devices finish together.
        let share = left.div_ceil(in_flight);
        self.wanted = (2 * self.wanted).min(share).clamp(batch, batch.saturating_mul(BATCHES));
        // a batch is filled if possible, even if fewer chunks are then in flight
        let share = (memory / in_flight).max(batch.saturating_mul(self.largest));
        let quota = share.min(memory.saturating_sub(self.bytes));
        let (mut images, mut bytes) = (Vec::new(), 0_usize);
        while images.len() < self.wanted {
            let left = self.source.left();
            let room = quota.saturating_sub(bytes).checked_div(self.largest).unwrap_or(self.threads);
            let most = if images.is_empty() { room.max(1) } else { room };
            let step = most.min(self.threads).min(self.wanted - images.len()).min(left);
            let step = self.together(step, images.is_empty(), memory.saturating_sub(self.bytes.saturating_add(bytes)));
            if step == 0 {
                break;
            }
            for (name, radiograph) in self.source.take(step) {
                let radiograph = radiograph.and_then(|radiograph| self.admit(&name, radiograph));
                let size = radiograph.as_ref().map_or(0, |radiograph| self.plan.bytes(radiograph.size()));
                self.largest = self.largest.max(size);
                bytes = bytes.saturating_add(size);
                images.push((name, radiograph));
            }
        }
        let number = self.number;
        self.number += 1;
        self.chunks += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        Some(Chunk { number, bytes, images, prepared: Prepared::default() })
    }

    /// How many of the next images, at most `step`, fit `room` together while they are decoded. The first image of a
    /// chunk always does, as the chunk has waited for it.
    fn together(&mut self, step: usize, first: bool, room: usize) -> usize {
        let (mut count, mut sum) = (0, 0_usize);
        while count < step {
            sum = sum.saturating_add(self.source.claim(count, &self.plan));
            if sum > room && !(first && count == 0) {
                break;
            }
            count += 1;
        }
        count
    }

    /// Admits an image if the steps after decoding fit the memory, too.
    fn admit(&self, name: &S::Name, radiograph: Radiograph) -> Result<Radiograph, ImageError> {
        let over = |over| ImageError::from(RadiographError::Memory { path: name.as_ref().into(), over });
        self.plan.check(radiograph.size()).map_err(over)?;
        Ok(radiograph)
    }
}

/// A message that has already arrived; otherwise, whether the sender is gone.
fn try_recv(done: &Receiver<usize>) -> Result<usize, bool> {
    done.try_recv().map_err(|error| error == TryRecvError::Disconnected)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::mpsc::channel;

    use ndarray::Array2;

    use super::super::source::{EncodedFiles, Files, Radiographs};
    use super::*;
    use crate::radiograph::DecodeLimits;

    fn plan(memory: usize) -> Plan {
        Plan {
            batch: 2,
            in_flight: 5,
            memory,
            threads: 4,
            strict: false,
            limits: DecodeLimits::default(),
            prepared: 0,
            planes: 0,
            maps: 0,
            output: None,
        }
    }

    fn radiograph(id: &str) -> Radiograph {
        Radiograph::from_values(id, Array2::zeros((10, 10)), (0.0, 1.0)).unwrap()
    }

    fn decode(paths: &[PathBuf]) -> Vec<Named<&Path>> {
        paths.iter().map(|path| (path.as_path(), Ok(radiograph("x")))).collect()
    }

    /// The sizes of the chunks of `files` files of 10×10 pixels.
    fn chunks(plan: Plan, files: usize) -> Vec<usize> {
        let files: Vec<PathBuf> = (0..files).map(|i| format!("{i}.png").into()).collect();
        let (sizes, order) = chunks_of(plan, Files::new(&files, decode));
        assert_eq!(order, files);
        sizes
    }

    /// The sizes of the chunks of images of 10×10 pixels, and the names in order.
    fn chunks_of<S: Source>(plan: Plan, source: S) -> (Vec<usize>, Vec<PathBuf>) {
        let mut reader = Reader::new(plan, source);
        let mut sizes = Vec::new();
        let mut order = Vec::new();
        let (tell, done) = channel();
        let mut waiting = Vec::new();
        while reader.wait(&done)
            && let Some(chunk) = reader.next()
        {
            assert_eq!(chunk.number, sizes.len());
            waiting.push(chunk.bytes);
            let held: usize = waiting.iter().sum();
            assert!(held <= plan.memory || waiting.len() == 1 || chunk.number == 0, "{held} bytes on their way");
            assert!(waiting.len() <= plan.in_flight);
            // The first in is the first out, as late as possible.
            if waiting.len() == plan.in_flight || held + 400 > plan.memory {
                tell.send(waiting.remove(0)).unwrap();
            }
            sizes.push(chunk.images.len());
            order.extend(chunk.images.iter().map(|(name, _)| name.as_ref().to_path_buf()));
        }
        (sizes, order)
    }

    #[test]
    fn chunks_grow_and_shrink_again() {
        let sizes = chunks(plan(usize::MAX), 200);
        assert_eq!(sizes[..4], [2, 4, 8, 16]);
        assert!(sizes.iter().all(|&size| size <= 16));
        assert!(sizes[sizes.len() - 3..].iter().all(|&size| size <= 3), "{sizes:?}");
        assert_eq!(chunks(plan(usize::MAX), 1), [1]);
        assert!(chunks(plan(usize::MAX), 0).is_empty());
    }

    #[test]
    fn memory_bounds_what_is_on_its_way() {
        // 400 bytes per image, five chunks: at most 3 images per chunk. The first chunk knows no sizes yet.
        let sizes = chunks(plan(3 * 400 * 5), 100);
        assert!(sizes[1..].iter().all(|&size| size <= 3), "{sizes:?}");
        assert!(sizes.contains(&3));
        // Too little for anything still admits one image at a time.
        let sizes = chunks(plan(1), 20);
        assert!(sizes[1..].iter().all(|&size| size == 1), "{sizes:?}");
    }

    #[test]
    fn under_a_limit_files_wait_for_room_and_images_above_it_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = (0..6).map(|i| folder.path().join(format!("{i}.png"))).collect();
        for file in &files {
            image::GrayImage::new(512, 512).save(file).unwrap();
        }
        let claim = Files::new(&files, decode).claim(0, &Plan { strict: true, ..plan(usize::MAX) });
        let steps = |memory: usize| {
            let mut steps = Vec::new();
            let source = Files::new(&files, |paths: &[PathBuf]| {
                steps.push(paths.len());
                let open = |path| Radiograph::open(path).map_err(ImageError::from);
                paths.iter().map(|path| (path.as_path(), open(path))).collect()
            });
            let plan = Plan { strict: true, limits: DecodeLimits::new(memory as u64), ..plan(memory) };
            let chunk = Reader::new(plan, source).next().unwrap();
            let good = chunk.images.iter().filter(|(_, image)| image.is_ok()).count();
            (steps, good)
        };
        assert_eq!(steps(2 * claim + 1), (vec![2], 2));
        assert_eq!(steps(2 * claim - 1).0[0], 1);
        // less than the pixels alone
        assert_eq!(steps(1000), (vec![1, 1], 0));
    }

    #[test]
    fn bytes_of_an_iterator_are_decoded_within_the_limit() {
        let mut png = std::io::Cursor::new(Vec::new());
        image::GrayImage::new(512, 512).write_to(&mut png, image::ImageFormat::Png).unwrap();
        let png = png.into_inner();
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let files = || {
            (0..6).map(|number| {
                asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                (PathBuf::from(format!("s3://bucket/{number}.png")), Ok(png.clone()))
            })
        };
        let decode = |files: Vec<super::super::source::Encoded>| {
            let open = |(path, bytes): (PathBuf, std::io::Result<Vec<u8>>)| {
                let image = Radiograph::decode(&bytes.unwrap(), &path).map_err(ImageError::from);
                (path, image)
            };
            files.into_iter().map(open).collect()
        };
        let source = || EncodedFiles::new(files(), decode);
        let (sizes, order) = chunks_of(plan(usize::MAX), source());
        assert_eq!(sizes.iter().sum::<usize>(), 6);
        assert_eq!(order, (0..6).map(|number| PathBuf::from(format!("s3://bucket/{number}.png"))).collect::<Vec<_>>());
        let strict = |memory| Plan { strict: true, limits: DecodeLimits::new(memory as u64), ..plan(memory) };
        let claim = source().claim(0, &strict(usize::MAX));
        asked.store(0, std::sync::atomic::Ordering::Relaxed);
        let chunk = Reader::new(strict(2 * claim + 1), source()).next().unwrap();
        assert_eq!(chunk.images.len(), 2);
        // and one that waits for room
        assert!(asked.load(std::sync::atomic::Ordering::Relaxed) <= 3);
    }

    #[test]
    fn radiographs_of_an_iterator_are_made_when_there_is_room() {
        let made = std::sync::atomic::AtomicUsize::new(0);
        let make = |number: usize| {
            made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            radiograph(&number.to_string())
        };
        // of unknown length, such as images from a network
        let source = || {
            let mut numbers = 0..20;
            Radiographs::new(std::iter::from_fn(move || numbers.next().map(make)))
        };
        let (sizes, order) = chunks_of(plan(usize::MAX), source());
        assert_eq!(order, (0..20).map(|number| PathBuf::from(number.to_string())).collect::<Vec<_>>());
        assert_eq!(sizes[..3], [2, 4, 8]);
        let strict = |memory| Plan { strict: true, limits: DecodeLimits::new(memory as u64), ..plan(memory) };
        made.store(0, std::sync::atomic::Ordering::Relaxed);
        let mut reader = Reader::new(strict(2 * 1200), source());
        assert_eq!(reader.next().unwrap().images.len(), 1);
        // and one that waits for room
        assert_eq!(made.load(std::sync::atomic::Ordering::Relaxed), 2);
        let refused = Reader::new(strict(1000), source()).next().unwrap();
        assert!(refused.images.iter().all(|(_, image)| image.is_err()));
    }
}
