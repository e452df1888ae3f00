//! The members' outputs for each image, kept so that they can be merged repeatedly.
//!
//! For each image every segmenter's map is kept in single precision, cropped to the box outside of which no member
//! reaches the lowest threshold of the search, so that the merge cannot reach it either. Up to half a gigabyte of maps
//! is kept in memory, the rest in a temporary file.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::{Array2, ArrayView2, s};
use tempfile::SpooledTempFile;

use super::error::TuneError;
use super::space::{Answered, Image};
use super::target::Target;
use crate::Size;
use crate::ensemble::{Explanation, ImageError, MemberAnswer, StageExplained};
use crate::plugin::Context;

/// Bytes of maps that are kept in memory.
const IN_MEMORY: usize = 512 << 20;
/// How far rounding may move a mean above the highest of its terms.
const SLACK: f32 = 1e-5;

/// All members' outputs.
pub struct OutputCache {
    spool: Mutex<SpooledTempFile>,
    /// The lowest probability that matters; `None` if all do.
    lowest: Option<f32>,
}

/// The outputs for one image.
pub struct CachedOutputs {
    /// The image.
    pub(super) id: String,
    /// The truth.
    pub(super) target: Target,
    /// The plugins' context of the image.
    pub(super) context: Context,
    /// Dice with the current manifest.
    pub(super) current: f64,
    /// Each classifier's score.
    pub(super) classifiers: Vec<Option<f32>>,
    /// Whether the image passes the classifier's gate at each choice, with the manifest's weights.
    pub(super) passes: Vec<bool>,
    /// Each segmenter's score.
    pub(super) segmenters: Vec<Option<f32>>,
    /// Size of the maps.
    size: Size,
    /// The first (row, column) of the box, and its size.
    corner: (usize, usize),
    extent: Size,
    /// The offset of the box's maps in the spool.
    offset: u64,
}

impl OutputCache {
    /// An empty cache.
    pub fn new(lowest: Option<f32>) -> Self {
        Self { spool: Mutex::new(SpooledTempFile::new(IN_MEMORY)), lowest }
    }

    /// Keeps the outputs for an image.
    ///
    /// # Errors
    /// If the temporary file cannot be written.
    pub fn keep(
        &self,
        image: &Image<'_>,
        answers: &Explanation,
        answered: &Answered,
    ) -> Result<CachedOutputs, TuneError> {
        let failed = || TuneError::Image { id: image.id.into(), source: Box::new(ImageError::NoMask) };
        let segmenter = answers.segmenter.as_ref().ok_or_else(failed)?;
        let maps: Option<Vec<_>> = segmenter.members.iter().map(|member| member.answer.map.as_ref()).collect();
        let maps = maps.filter(|maps| !maps.is_empty()).ok_or_else(failed)?;
        let size = maps[0].dim().into();
        let (corner, extent) = self.extent(&maps, size);
        let boxed = s![corner.0..corner.0 + extent.height, corner.1..corner.1 + extent.width];
        let values: Vec<f32> = maps.iter().flat_map(|map| map.slice(boxed)).copied().collect();
        let scores = |stage: &StageExplained| stage.members.iter().map(|it| it.answer.score).collect();
        Ok(CachedOutputs {
            id: image.id.into(),
            target: image.target.clone(),
            context: image.context.clone(),
            current: image.current,
            classifiers: answers.classifier.as_ref().map(scores).unwrap_or_default(),
            passes: answered.classifier.clone(),
            segmenters: scores(segmenter),
            size,
            corner,
            extent,
            offset: self.append(&values)?,
        })
    }

    /// The box that contains every pixel at which some member reaches the lowest probability that matters.
    fn extent(&self, maps: &[&Array2<f32>], size: Size) -> ((usize, usize), Size) {
        let Some(lowest) = self.lowest else { return ((0, 0), size) };
        let (mut first, mut last) = ((usize::MAX, usize::MAX), (0, 0));
        for map in maps {
            for ((row, column), _) in map.indexed_iter().filter(|(_, p)| **p >= lowest - SLACK) {
                first = (first.0.min(row), first.1.min(column));
                last = (last.0.max(row + 1), last.1.max(column + 1));
            }
        }
        if last.0 == 0 { ((0, 0), Size::new(0, 0)) } else { (first, Size::new(last.0 - first.0, last.1 - first.1)) }
    }

    fn append(&self, values: &[f32]) -> Result<u64, TuneError> {
        let mut spool = self.lock();
        let offset = spool.seek(SeekFrom::End(0))?;
        spool.write_all(bytemuck::cast_slice(values))?;
        Ok(offset)
    }

    /// Each segmenter's map of an image, within its box: (member, height, width).
    fn read(&self, ballot: &CachedOutputs) -> Result<Vec<f32>, TuneError> {
        let mut values = vec![0.0_f32; ballot.segmenters.len() * ballot.extent.area()];
        let mut spool = self.lock();
        spool.seek(SeekFrom::Start(ballot.offset))?;
        spool.read_exact(bytemuck::cast_slice_mut(&mut values))?;
        Ok(values)
    }

    /// Each segmenter's output for an image, its map cropped to the image's box.
    ///
    /// # Errors
    /// If the temporary file cannot be read.
    pub fn answers(&self, ballot: &CachedOutputs) -> Result<Vec<MemberAnswer>, TuneError> {
        let values = self.read(ballot)?;
        let pixels = ballot.extent.area();
        let answer = |(place, score): (usize, &Option<f32>)| {
            let map = ArrayView2::from_shape(ballot.extent, &values[place * pixels..(place + 1) * pixels]);
            MemberAnswer { score: *score, map: map.ok().map(|map| map.to_owned()), ..MemberAnswer::default() }
        };
        Ok(ballot.segmenters.iter().enumerate().map(answer).collect())
    }

    fn lock(&self) -> MutexGuard<'_, SpooledTempFile> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedOutputs {
    /// A map of the box, pasted into zeros.
    pub fn whole(&self, boxed: Array2<f32>) -> Array2<f32> {
        if self.extent == self.size {
            return boxed;
        }
        let mut map = Array2::zeros(self.size);
        let (row, column) = self.corner;
        map.slice_mut(s![row..row + self.extent.height, column..column + self.extent.width]).assign(&boxed);
        map
    }
}
