//! An explanation as a strip of pictures.

use image::RgbImage;
use ndarray::Array2;

use super::{GAP, Layer, PREDICTED, Panel, TRUTH, caption, in_rows};
use crate::ensemble::{Explanation, Region, nearest, resize};
use crate::manifest::{Intensity, Resize};
use crate::{Mask, Radiograph, Size};

/// The longest side of a panel, in pixels.
const SIDE: usize = 384;
/// The widest strip, in pixels; longer ones continue in another row.
const WIDEST: usize = 2000;

/// An explanation as pictures: the radiograph, the crop stage's box, the truth if known, each segmenter's map, the
/// merged one, and the mask after each postprocessing step. Captions name the members, and the steps by `steps`.
#[must_use]
pub fn strip(radiograph: &Radiograph, explanation: &Explanation, steps: &[String], truth: Option<&Mask>) -> RgbImage {
    let size = panel_size(radiograph.size());
    let intensities = radiograph.intensities(Intensity::Stored);
    let small = resize(intensities.view(), size, Resize::Area);
    let shrink = |map: &Array2<f32>| resize(map.view(), size, Resize::Linear).into_owned();
    let maps = maps(explanation).into_iter().map(|(caption, map)| (caption, shrink(map))).collect::<Vec<_>>();
    let truth = truth.map(|mask| nearest(mask, size));
    let masks: Vec<(String, Mask)> =
        steps.iter().zip(&explanation.masks).map(|(step, mask)| (caption(step, mask), nearest(mask, size))).collect();
    let mut panels = vec![Panel { caption: "radiograph".into(), layer: Layer::Nothing }];
    panels.extend(
        explanation
            .finding
            .crop
            .map(|region: Region| Panel { caption: "crop".into(), layer: Layer::Box(region.at(size)) }),
    );
    panels.extend(truth.iter().map(|mask| Panel { caption: caption("truth", mask), layer: Layer::Mask(mask, TRUTH) }));
    panels.extend(maps.iter().map(|(caption, map)| Panel { caption: caption.clone(), layer: Layer::Map(map.view()) }));
    panels.extend(
        masks.iter().map(|(caption, mask)| Panel { caption: caption.clone(), layer: Layer::Mask(mask, PREDICTED) }),
    );
    let across = (WIDEST / (size.width + GAP)).clamp(1, panels.len());
    in_rows(small.view(), &panels, across)
}

/// Each segmenter's map, and the merged one if there are several.
fn maps(explanation: &Explanation) -> Vec<(String, &Array2<f32>)> {
    let Some(stage) = &explanation.segmenter else { return Vec::new() };
    let own = stage.members.iter().filter_map(|member| Some((member.name.clone(), member.answer.map.as_ref()?)));
    let own: Vec<_> = own.collect();
    let merged = stage.map.as_ref().filter(|_| own.len() > 1).map(|map| ("merged".to_owned(), map));
    own.into_iter().chain(merged).collect()
}

/// The size of a panel: the radiograph's, reduced until no side is longer than [`SIDE`].
fn panel_size(Size { height, width }: Size) -> Size {
    let longest = height.max(width).max(SIDE);
    Size::new((height * SIDE / longest).max(1), (width * SIDE / longest).max(1))
}
