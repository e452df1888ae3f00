//! The content of a page: findings, with their truth and radiographs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::error::{MapError, PictureError, ReportError};
use super::findings::Found;
use super::groups::{UNKNOWN, groups_of};
use super::origins::Origins;
use super::{Case, Picture, Report, picture, worst_first};
use crate::ensemble::Decision;
use crate::file_name;
use crate::pool::Pool;
use crate::radiograph::{DecodeLimits, ImageHeader, RadiographError, Tags};
use crate::submission::Submission;
use crate::{Radiograph, Size};

/// Findings that become a report.
#[derive(Debug)]
pub struct Gathered {
    /// The cases.
    pub cases: Vec<Case>,
    /// The file of each image, by id.
    pub files: HashMap<String, PathBuf>,
    /// The runs of the findings.
    pub origins: Origins,
}

impl Gathered {
    /// Findings, without truth and pictures.
    #[must_use]
    pub fn new(found: Vec<Found>) -> Self {
        let origins = Origins::new(&found);
        let mut files = HashMap::new();
        let cases = found.into_iter().map(|Found { case, file, .. }| {
            files.extend(file.map(|file| (case.id.clone(), file)));
            case
        });
        Self { cases: cases.collect(), files, origins }
    }

    /// Gives each case its truth, masks of `size` from `path`, and sorts the cases, worst first. Returns the number of
    /// cases that the truth lacks: metrics leave them out.
    ///
    /// # Errors
    /// If the truth has none of the cases, or masks of another size.
    pub fn judge(&mut self, path: &Path, truth: &Submission, size: Size) -> Result<usize, ReportError> {
        let mut without = 0;
        for case in &mut self.cases {
            let Some(runs) = truth.runs(&case.id) else {
                without += 1;
                continue;
            };
            if case.size != size {
                let (id, found) = (case.id.clone(), case.size);
                return Err(ReportError::TruthSize { id, found, path: path.into(), size });
            }
            case.truth = Some(runs.clone());
        }
        if without == self.cases.len() && without > 0 {
            return Err(ReportError::NoTruth { path: path.into(), images: without, id: self.cases[0].id.clone() });
        }
        worst_first(&mut self.cases);
        Ok(without)
    }

    /// Takes the files of images from `paths`, by id, instead of the findings'. Files that cannot be read are passed to
    /// `skipped`.
    pub fn find(&mut self, pool: &Pool, paths: &[PathBuf], skipped: &mut dyn FnMut(&Path, RadiographError)) {
        let open = |path| (ImageHeader::open(path), path);
        let headers: Vec<_> = pool.run(|| paths.par_iter().map(open).collect());
        for (header, path) in headers {
            match header {
                Ok(header) => drop(self.files.insert(header.id, path.clone())),
                Err(error) => skipped(path, error),
            }
        }
    }

    /// Gives each case with a truth the groups that its file's tags tell. `each` is called for each file; of one that
    /// cannot be read, the groups are unknown.
    pub fn group(&mut self, pool: &Pool, each: &(dyn Fn() + Sync)) {
        let files = &self.files;
        let judged = self.cases.par_iter_mut().filter(|case| case.truth.is_some());
        pool.run(|| {
            judged.for_each(|case| {
                let tags = files.get(&case.id).and_then(|file| {
                    each();
                    Tags::open(file).ok().filter(|tags| tags.id == case.id)
                });
                case.groups.extend(groups_of(&tags.unwrap_or_default()));
            });
        });
    }

    /// Adds a kind of groups, by id; cases that the list lacks belong to `unknown`.
    pub fn group_by(&mut self, kind: &str, groups: &HashMap<String, String>) {
        for case in &mut self.cases {
            let group = groups.get(&case.id).filter(|group| !group.is_empty());
            case.groups.push((kind.to_owned(), group.map_or(UNKNOWN, String::as_str).to_owned()));
        }
    }

    /// Gives the first `count` cases the maps that `predict --maps` has written to a folder. `each` is called with the error
    /// of one that cannot be read.
    pub fn maps(&mut self, pool: &Pool, count: usize, folder: &Path, each: &(dyn Fn(MapError) + Sync)) {
        let count = count.min(self.cases.len());
        // an image that a gate stopped has none
        let segmented = self.cases[..count].par_iter_mut().filter(|case| case.decision != Decision::ClassifierGate);
        let read = |case: &mut Case| match picture::map(&folder.join(format!("{}.png", file_name::of_id(&case.id)))) {
            Ok(map) => case.detail.map = Some(map),
            Err(error) => each(error),
        };
        pool.run(|| segmented.for_each(read));
    }

    /// Gives the first `count` cases their pictures, whose longer side is at most `side` pixels, and what their files say of
    /// them. `each` is called for each, with the error of one that cannot be
    /// read; the page shows that it is missing. Returns how many are missing.
    pub fn picture(
        &mut self,
        pool: &Pool,
        count: usize,
        side: usize,
        limits: DecodeLimits,
        each: &(dyn Fn(Option<PictureError>) + Sync),
    ) -> usize {
        let count = count.min(self.cases.len());
        let files = &self.files;
        let missing = self.cases[..count].par_iter_mut().map(|case| {
            let read = read(&case.id, files.get(&case.id), limits);
            let read = read.map(|radiograph| {
                case.detail.sides = radiograph.sides();
                case.detail.at_detector = radiograph.is_measured_at_detector();
                Picture::from_radiograph(&radiograph, side)
            });
            let is_missing = read.is_err();
            let fault;
            (case.picture, fault) = match read {
                Ok(picture) => (picture, None),
                Err(error) => (Picture::Unreadable, Some(error)),
            };
            each(fault);
            usize::from(is_missing)
        });
        pool.run(|| missing.sum())
    }

    /// The report, with what is known of the runs.
    #[must_use]
    pub fn into_report(self, title: &str) -> Report {
        let (origin, alarms) = (self.origins.named(), self.origins.mixed().into_iter().collect());
        Report { origin: Some(origin), alarms, ..Report::new(title, self.cases) }
    }
}

fn read(id: &str, file: Option<&PathBuf>, limits: DecodeLimits) -> Result<Radiograph, PictureError> {
    let file = file.ok_or_else(|| PictureError::NoPath { id: id.to_owned() })?;
    let radiograph = Radiograph::open_with(file, limits).map_err(|source| PictureError::Read { source })?;
    if radiograph.id() != id {
        let (path, found, id) = (file.clone(), radiograph.id().to_owned(), id.to_owned());
        return Err(PictureError::OtherImage { path, found, id });
    }
    Ok(radiograph)
}
