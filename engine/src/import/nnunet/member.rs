//! The member: its folds, its input, its views and its map.

use std::path::Path;

use super::about::{About, Nonlinearity, Normalization, Resample};
use super::heads::Wanted;
use crate::import::ImportError;
use crate::import::text::{number, numbers, quoted};

/// Readers without a unit: a pixel's side is 1.
const UNITLESS: &str = "NaturalImage2DIO";

pub(super) fn member(about: &About, wanted: &Wanted, path: &Path) -> Result<String, ImportError> {
    let mut lines = vec!["".into(), "[[segmenter.members]]".into(), "name = \"nnunet\"".into()];
    lines.extend(folds(about));
    lines.push("# probabilities come last: logits are averaged over mirrored views and folds".into());
    lines.push("average = \"logits\"".into());
    lines.push("crop_to_nonzero = true".into());
    lines.extend(input(about, path)?);
    lines.extend(mirror(about, path)?);
    lines.extend(map(about, wanted, path)?);
    Ok(lines.join("\n") + "\n")
}

fn folds(about: &About) -> Vec<String> {
    let line = |fold: &super::about::Fold| {
        let number = fold.fold.parse::<u32>().map(|fold| format!(", fold = {fold}")).unwrap_or_default();
        format!("    {{ model = {}, sha256 = \"{}\"{number} }},", quoted(&fold.file), fold.sha256)
    };
    let mut lines = vec!["snapshots = [".to_owned()];
    lines.extend(about.models.iter().map(line));
    lines.push("]".into());
    lines
}

fn input(about: &About, path: &Path) -> Result<Vec<String>, ImportError> {
    let input = &about.input;
    let [height, width] = about.window.size;
    let normalization = normalization(about, path)?;
    let mut fit = vec!["kind = \"windows\"".to_owned(), format!("overlap = {}", number(1.0 - about.window.step))];
    let mut resize = None;
    let is_unitless = about.reader == UNITLESS && input.spacing == [1.0, 1.0];
    match input.resample {
        Resample::None => {}
        Resample::Spline { .. } if is_unitless => {}
        Resample::Spline { order } => {
            fit.push(format!("spacing = {}", numbers(&input.spacing)));
            resize = Some(match order {
                3 => "spline",
                1 => "linear",
                _ => {
                    let message = format!("expected a spline of order 1 or 3, found {order}");
                    return Err(ImportError::field(path, "input.resample.order", message));
                }
            });
        }
    }
    let mut lines = vec![
        format!("input.name = {}", quoted(&input.name)),
        format!("input.size = [{height}, {width}]"),
        format!("input.channels = {}", input.channels.len()),
        format!("input.fit = {{ {} }}", fit.join(", ")),
    ];
    lines.extend(resize.map(|resize| format!("input.resize = \"{resize}\"")));
    lines.extend(normalization);
    Ok(lines)
}

/// The keys of the input's numbers. The image is grey: several channels are repetitions of it.
fn normalization(about: &About, path: &Path) -> Result<Vec<String>, ImportError> {
    let channels = &about.input.channels;
    let names = || channels.iter().map(|channel| format!("`{}`", channel.name)).collect::<Vec<_>>().join(", ");
    let [first, ..] = channels.as_slice() else {
        return Err(ImportError::field(path, "input.channels", "there is none"));
    };
    let same = channels.iter().all(|channel| channel.normalization == first.normalization);
    if !matches!(channels.len(), 1 | 3) || !same {
        let message = format!("expected one grey image, or three equal channels, found {}", names());
        return Err(ImportError::field(path, "input.channels", message));
    }
    Ok(match first.normalization {
        Normalization::ZScore { nonzero_only } => {
            let of = if nonzero_only { "nonzero" } else { "image" };
            vec![format!("input.normalize = {{ kind = \"z-score\", of = \"{of}\" }}")]
        }
        Normalization::MinMax => vec!["input.normalize = { kind = \"min-max\", of = \"image\" }".into()],
        Normalization::Rgb => {
            vec![format!("input.scale = {}", number(1.0 / 255.0)), "input.unit = \"stored\"".into()]
        }
        Normalization::None => vec!["input.unit = \"stored\"".into()],
        Normalization::Ct { low, high, mean, std } => {
            let span = high - low;
            if span <= 0.0 {
                let message = format!("expected ascending percentiles, found {low} and {high}");
                return Err(ImportError::field(path, "input.channels[0].normalization", message));
            }
            // DICOM's linear window reaches from center - 0.5 - (width - 1) / 2 to center - 0.5 + (width - 1) / 2
            let (center, width) = (number((low + high) / 2.0 + 0.5), number(span + 1.0));
            vec![
                format!("# clipped to {low}..{high}; there, the mean is {mean} and the standard deviation {std}"),
                format!("intensity = {{ kind = \"fixed\", center = {center}, width = {width} }}"),
                format!("input.mean = {}", numbers(&[(mean - low) / span])),
                format!("input.std = {}", numbers(&[std.max(1e-8) / span])),
            ]
        }
    })
}

fn mirror(about: &About, path: &Path) -> Result<Option<String>, ImportError> {
    let axis = match about.mirror.as_slice() {
        [] => return Ok(None),
        [0] => "vertical",
        [1] => "horizontal",
        [0, 1] | [1, 0] => "both",
        axes => {
            let message = format!("expected axes among 0 and 1, found {axes:?}");
            return Err(ImportError::field(path, "mirror", message));
        }
    };
    Ok(Some(format!("tta = [{{ plugin = \"flip\", params = {{ axis = \"{axis}\" }} }}]")))
}

fn map(about: &About, wanted: &Wanted, path: &Path) -> Result<Vec<String>, ImportError> {
    let output = &about.output;
    if let Resample::Spline { order } = output.resample
        && order != 1
    {
        let message = format!("expected linear resampling of logits (order 1), found order {order}");
        return Err(ImportError::field(path, "output.resample.order", message));
    }
    let values = match output.nonlinearity {
        Nonlinearity::Softmax => "softmax",
        Nonlinearity::Sigmoid => "logits",
    };
    let mut lines = vec![format!("map.output = {}", quoted(&output.name)), format!("map.values = \"{values}\"")];
    match wanted.heads.as_slice() {
        [head] => lines.push(format!("map.channel = {head}")),
        heads => {
            lines.push("# later regions overwrite earlier ones: all of these are parts of it".into());
            lines.push(format!("map.channels = {heads:?}"));
            lines.push("map.join = \"max\"".into());
        }
    }
    if output.nonlinearity == Nonlinearity::Softmax && output.heads > 2 {
        lines.push("# above 0.5 is where nnU-Net's argmax picks the label".into());
        lines.push("map.against = \"likeliest\"".into());
    }
    Ok(lines)
}
