//! An explanation as a strip of pictures.

use image::RgbImage;
use ndarray::Array2;

use super::{GAP, Layer, PREDICTED, Panel, TRUTH, caption, in_rows, radiograph_caption, scale};
use crate::ensemble::{Explanation, Region, nearest, resize};
use crate::manifest::{Intensity, Resize};
use crate::{Mask, Radiograph, Size};

/// The longest side of a panel, in pixels.
const SIDE: usize = 384;
/// The widest strip, in pixels; longer ones continue in another row.
const WIDEST: usize = 2000;

/// An explanation as pictures: the radiograph, the crop stage's box, the truth if known, each segmenter's map, the
/// merged one, and the mask after each postprocessing step that changes it. Captions name the members, and the steps by
/// `steps`, with areas, the score and the highest probabilities; a bar shows the scale where the spacing is known.
#[must_use]
pub fn strip(radiograph: &Radiograph, explanation: &Explanation, steps: &[String], truth: Option<&Mask>) -> RgbImage {
    let size = panel_size(radiograph.size());
    let intensities = radiograph.intensities(Intensity::Stored);
    let small = resize(intensities.view(), size, Resize::Area);
    let shrink = |map: &Array2<f32>| resize(map.view(), size, Resize::Linear).into_owned();
    let maps = maps(explanation).into_iter().map(|(caption, map)| (caption, shrink(map))).collect::<Vec<_>>();
    let told = |what: &str, mask: &Mask| caption(what, mask, radiograph.spacing_at(mask.size()));
    let truth = truth.map(|mask| (told("truth", mask), nearest(mask, size)));
    let all = &explanation.masks;
    // a step that changes nothing is left out
    let changing = (0..all.len()).filter(|&step| step == 0 || all[step] != all[step - 1]);
    let masks: Vec<(String, Mask)> =
        changing.filter_map(|step| Some((told(steps.get(step)?, &all[step]), nearest(&all[step], size)))).collect();
    let mut panels = vec![Panel { caption: radiograph_caption(explanation.finding.score), layer: Layer::Nothing }];
    panels.extend(
        explanation
            .finding
            .crop
            .map(|region: Region| Panel { caption: "crop".into(), layer: Layer::Box(region.at(size)) }),
    );
    panels.extend(
        truth.iter().map(|(caption, mask)| Panel { caption: caption.clone(), layer: Layer::Mask(mask, TRUTH) }),
    );
    panels.extend(maps.iter().map(|(caption, map)| Panel { caption: caption.clone(), layer: Layer::Map(map.view()) }));
    panels.extend(
        masks.iter().map(|(caption, mask)| Panel { caption: caption.clone(), layer: Layer::Mask(mask, PREDICTED) }),
    );
    let across = (WIDEST / (size.width + GAP)).clamp(1, panels.len());
    let mut picture = in_rows(small.view(), &panels, across);
    scale::draw(&mut picture, size, radiograph.spacing_at(size));
    picture
}

/// Each segmenter's map, and the merged one if there are several.
fn maps(explanation: &Explanation) -> Vec<(String, &Array2<f32>)> {
    let Some(stage) = &explanation.segmenter else { return Vec::new() };
    let highest = |map: &Array2<f32>| map.iter().copied().fold(0.0, f32::max);
    let told = |what: &str, map: &Array2<f32>| format!("{what}: up to {:.2}", highest(map));
    let own = stage.members.iter().filter_map(|member| {
        let map = member.answer.map.as_ref()?;
        Some((told(&member.name, map), map))
    });
    let own: Vec<_> = own.collect();
    let merged = stage.map.as_ref().filter(|_| own.len() > 1).map(|map| (told("merged", map), map));
    own.into_iter().chain(merged).collect()
}

/// The size of a panel: the radiograph's, reduced until no side is longer than [`SIDE`].
fn panel_size(Size { height, width }: Size) -> Size {
    let longest = height.max(width).max(SIDE);
    Size::new((height * SIDE / longest).max(1), (width * SIDE / longest).max(1))
}
