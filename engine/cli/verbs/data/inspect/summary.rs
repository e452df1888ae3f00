//! summary.json: counts of a collection, and positives by sex, age and view.

use std::collections::BTreeMap;

use pleura::report::wilson;
use serde::Serialize;

use super::super::truth::Truth;
use super::Image;
use pleura::Size;

/// The group of files without the tag.
pub const UNKNOWN: &str = "unknown";

#[derive(Debug, Serialize)]
pub struct Summary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<TruthSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<ImagesSummary>,
}

/// Counts of the whole truth, whether or not files were given.
#[derive(Debug, Serialize)]
pub struct TruthSummary {
    pub rows: usize,
    pub ids: usize,
    pub positive: usize,
    pub negative: usize,
    pub positive_share: f64,
    /// Wilson's 95 % interval of the share.
    pub positive_interval: (f64, f64),
    /// Number of rows with a mask that is not empty.
    pub masks: usize,
    pub ids_with_several_masks: usize,
    pub most_masks_of_an_id: usize,
    /// Number of ids with both a mask and a row without one.
    pub contradictory_ids: usize,
    /// The size that run lengths refer to.
    pub mask_size: Size,
    pub area: Option<Areas>,
}

/// Counts of the files.
#[derive(Debug, Serialize)]
pub struct ImagesSummary {
    pub read: usize,
    pub skipped: usize,
    /// Number of files with a row in the truth; all counts of positives refer to these.
    pub with_truth: usize,
    pub positive: usize,
    pub positive_share: Option<f64>,
    /// Wilson's 95 % interval of the share.
    pub positive_interval: Option<(f64, f64)>,
    /// Number of ages that are malformed or implausible.
    pub odd_ages: usize,
    pub patients: usize,
    pub sex: Vec<Group>,
    pub age: Vec<Group>,
    pub view: Vec<Group>,
    /// Number of files with each value of a tag.
    pub tags: BTreeMap<&'static str, BTreeMap<String, usize>>,
}

/// Images with the same value.
#[derive(Debug, Serialize)]
pub struct Group {
    pub group: String,
    pub images: usize,
    pub with_truth: usize,
    pub positive: usize,
    pub positive_share: Option<f64>,
    /// Wilson's 95 % interval of the share.
    pub positive_interval: Option<(f64, f64)>,
    pub area: Option<Areas>,
}

/// Areas of masks that are not empty, in pixels.
#[derive(Debug, Clone, Serialize)]
pub struct Areas {
    pub mean: f64,
    pub median: f64,
    pub least: usize,
    pub most: usize,
    /// The mean as a share of the image, in 0..=1.
    pub mean_share: f64,
}

impl Summary {
    pub fn new(images: &[Image], skipped: usize, truth: Option<&Truth>) -> Self {
        let files = (!images.is_empty()).then(|| ImagesSummary::new(images, skipped));
        Self { truth: truth.map(TruthSummary::new), images: files }
    }
}

impl TruthSummary {
    fn new(truth: &Truth) -> Self {
        let positive = truth.positives().count();
        let marks = || truth.images.values();
        let areas = truth.positives().map(|marks| marks.runs.area()).map(|area| (area, truth.share(area)));
        Self {
            rows: truth.rows,
            ids: truth.images.len(),
            positive,
            negative: truth.images.len() - positive,
            positive_share: positive as f64 / truth.images.len() as f64,
            positive_interval: wilson(positive, truth.images.len()),
            masks: marks().map(|marks| marks.masks).sum(),
            ids_with_several_masks: marks().filter(|marks| marks.masks > 1).count(),
            most_masks_of_an_id: marks().map(|marks| marks.masks).max().unwrap_or(0),
            contradictory_ids: marks().filter(|marks| marks.masks > 0 && marks.empty > 0).count(),
            mask_size: truth.size,
            area: Areas::new(areas),
        }
    }
}

impl ImagesSummary {
    fn new(images: &[Image], skipped: usize) -> Self {
        let whole = Group::new(String::new(), &images.iter().collect::<Vec<_>>());
        let odd = |image: &&Image| image.tags.age.is_some() && image.tags.years().is_none();
        let patients: std::collections::HashSet<_> =
            images.iter().filter_map(|image| image.tags.patient_id.as_ref()).collect();
        Self {
            read: images.len(),
            skipped,
            with_truth: whole.with_truth,
            positive: whole.positive,
            positive_share: whole.positive_share,
            positive_interval: whole.positive_interval,
            odd_ages: images.iter().filter(odd).count(),
            patients: patients.len(),
            sex: grouped(images, sex),
            age: grouped(images, decade),
            view: grouped(images, view),
            tags: tags(images),
        }
    }
}

impl Group {
    fn new(group: String, images: &[&Image]) -> Self {
        let with_truth = images.iter().filter(|image| image.truth.is_some()).count();
        let marked = images.iter().filter_map(|image| image.truth).filter(|marked| marked.area > 0);
        let areas: Vec<_> = marked.map(|marked| (marked.area, marked.share)).collect();
        Self {
            group,
            images: images.len(),
            with_truth,
            positive: areas.len(),
            positive_share: (with_truth > 0).then(|| areas.len() as f64 / with_truth as f64),
            positive_interval: (with_truth > 0).then(|| wilson(areas.len(), with_truth)),
            area: Areas::new(areas.into_iter()),
        }
    }
}

impl Areas {
    /// The statistics of areas and shares; `None` if there are none.
    fn new(areas: impl Iterator<Item = (usize, f64)>) -> Option<Self> {
        let (mut areas, shares): (Vec<usize>, Vec<f64>) = areas.unzip();
        areas.sort_unstable();
        let (&least, &most) = (areas.first()?, areas.last()?);
        let count = areas.len();
        let median = (areas[(count - 1) / 2] + areas[count / 2]) as f64 / 2.0;
        let mean = |sum: f64| sum / count as f64;
        Some(Self {
            mean: mean(areas.iter().sum::<usize>() as f64),
            median,
            least,
            most,
            mean_share: mean(shares.iter().sum()),
        })
    }
}

/// The groups sorted by name, unknown values last.
fn grouped(images: &[Image], of: impl Fn(&Image) -> String) -> Vec<Group> {
    let mut groups: BTreeMap<(bool, String), Vec<&Image>> = BTreeMap::new();
    for image in images {
        let name = of(image);
        groups.entry((name == UNKNOWN, name)).or_default().push(image);
    }
    groups.into_iter().map(|((_, name), images)| Group::new(name, &images)).collect()
}

pub fn sex(image: &Image) -> String {
    image.tags.sex.clone().unwrap_or_else(|| UNKNOWN.into())
}

pub fn view(image: &Image) -> String {
    image.tags.view.clone().unwrap_or_else(|| UNKNOWN.into())
}

/// `50-59`; ages from 90 on share a group: sorted by name, `100-109` would come first.
fn decade(image: &Image) -> String {
    match image.tags.years().map(|years| years as u32 / 10 * 10) {
        Some(decade) if decade >= 90 => "90 and more".into(),
        Some(decade) => format!("{decade:02}-{:02}", decade + 9),
        None => UNKNOWN.into(),
    }
}

fn tags(images: &[Image]) -> BTreeMap<&'static str, BTreeMap<String, usize>> {
    let mut tags: BTreeMap<_, BTreeMap<String, usize>> = BTreeMap::new();
    for Image { tags: of, .. } in images {
        let size = of.size.map(|Size { height, width }| format!("{height}x{width}"));
        let syntax = of.syntax.as_ref().map(|(uid, name)| format!("{name}, {uid}"));
        let values = [
            ("Modality", of.modality.clone()),
            ("BodyPartExamined", of.body_part.clone()),
            ("size", size),
            ("BitsStored", of.bits_stored.map(|bits| bits.to_string())),
            ("PhotometricInterpretation", of.photometric.clone()),
            ("transfer syntax", syntax),
        ];
        for (tag, value) in values {
            let value = value.unwrap_or_else(|| UNKNOWN.into());
            *tags.entry(tag).or_default().entry(value).or_default() += 1;
        }
    }
    tags
}
