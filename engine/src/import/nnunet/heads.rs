//! Which heads of the network are the label that is wanted.

use std::path::Path;

use super::about::{About, KeepLargest, Label, Nonlinearity};
use crate::import::ImportError;

/// What the import wants of an nnU-Net's labels.
pub(super) struct Wanted {
    /// The label's name.
    pub name: String,
    /// The values of its pixels in nnU-Net's masks.
    pub values: Vec<i64>,
    /// The heads whose highest probability it is.
    pub heads: Vec<usize>,
}

/// The label of a name or, without one, the only one.
pub(super) fn wanted(about: &About, label: Option<&str>, path: &Path) -> Result<Wanted, ImportError> {
    let is_lesion = |(name, label): &(&String, &Label)| *name != "ignore" && label.values() != [0];
    let lesions: Vec<_> = about.labels.iter().filter(is_lesion).collect();
    let names = || lesions.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let refused = |message| Err(ImportError::field(path, "labels", message));
    let (name, found) = match (label, lesions.as_slice()) {
        (Some(label), _) => match lesions.iter().find(|(name, _)| *name == label) {
            Some(&found) => found,
            None => return refused(format!("expected the label `{label}`, found {}", names())),
        },
        (None, &[only]) => only,
        (None, _) => return refused(format!("there are {}; choose one with `--label`", names())),
    };
    let values = found.values().to_vec();
    let heads = match about.output.nonlinearity {
        Nonlinearity::Softmax => of_class(about, &values),
        Nonlinearity::Sigmoid => of_regions(about, &values),
    };
    match heads {
        Ok(heads) => Ok(Wanted { name: name.clone(), values, heads }),
        Err(message) => Err(ImportError::field(path, format!("labels.{name}"), message)),
    }
}

fn of_class(about: &About, values: &[i64]) -> Result<Vec<usize>, String> {
    let labels = about.head_labels.as_deref().unwrap_or_default();
    let head = labels.iter().position(|label| [*label] == *values);
    head.map(|head| vec![head]).ok_or_else(|| format!("none of the heads' labels {labels:?} is {values:?}"))
}

/// The regions whose pixels get one of the values: later ones overwrite earlier ones.
fn of_regions(about: &About, values: &[i64]) -> Result<Vec<usize>, String> {
    let order = about.regions_class_order.as_deref().unwrap_or_default();
    let belongs = |head: &usize| values.contains(&order[*head]);
    let heads: Vec<usize> = (0..order.len()).filter(belongs).collect();
    match heads.first() {
        None => Err(format!("none of the regions' labels {order:?} is among {values:?}")),
        Some(&first) if heads.len() != order.len() - first => {
            Err(format!("a region outside of it overwrites it (the order is {order:?}); choose another label"))
        }
        Some(_) => Ok(heads),
    }
}

/// Whether a postprocessing step changes the label's mask, and can be said of it alone.
pub(super) fn keeps_largest(step: &KeepLargest, wanted: &Wanted) -> Result<bool, String> {
    let KeepLargest::KeepLargest { labels } = step;
    if !labels.iter().any(|label| wanted.values.contains(label)) {
        return Ok(false);
    }
    let same = labels.iter().all(|label| wanted.values.contains(label))
        && wanted.values.iter().all(|value| labels.contains(value));
    if same {
        return Ok(true);
    }
    Err(format!(
        "keeps the largest component of the labels {labels:?} together, and `{}` is {:?}; leave it out with \
         `--no-postprocessing`",
        wanted.name, wanted.values
    ))
}
