//! The names that packages give to networks' weights.

use indexmap::IndexMap;
use pleura::onnx::Model;

use super::super::{Numbers, Tensor, apply};
use super::weights;
use crate::recipe::{Package, Weights};

/// A network of a package, from tests/reference/names.py.
#[derive(serde::Deserialize)]
struct Saved {
    package: Package,
    encoder: String,
    class: String,
    keys: IndexMap<String, Vec<usize>>,
}

fn saved() -> Vec<Saved> {
    crate::testing::golden("weights/names")
}

fn over(encoder: &str) -> Model {
    let network = format!("channels = 3\narchitecture = {{ kind = \"unet\", encoder = \"{encoder}\" }}");
    crate::nets::build(&toml::from_str(&network).unwrap(), 1).unwrap()
}

fn zeros(keys: &IndexMap<String, Vec<usize>>, prefix: &str) -> IndexMap<String, Tensor> {
    let zeros = |shape: &Vec<usize>| Numbers::Floats(vec![0.5; shape.iter().product()]);
    keys.iter()
        .map(|(key, shape)| (format!("{prefix}{key}"), Tensor { shape: shape.clone(), numbers: zeros(shape) }))
        .collect()
}

#[test]
fn names_of_packages_are_the_networks() {
    for Saved { package, encoder, class, keys } in saved() {
        let mut model = over(&encoder);
        let decoders = ["decoder.", "segmentation_head."].map(str::to_owned).to_vec();
        // a network whose keys are those of an encoder alone, or with a decoder of its own
        let (missing, unused) = if package == Package::Smp { (vec![], vec![]) } else { (decoders.clone(), decoders) };
        let weights = Weights { names: Some(package), missing: missing.clone(), unused, ..weights() };
        let report = apply(&mut model, &weights, zeros(&keys, ""))
            .unwrap_or_else(|error| panic!("{class} of {package:?} over {encoder}: {error}"));
        let is_random = |name: &&String| !missing.iter().any(|prefix| name.starts_with(prefix));
        assert_eq!(report.as_drawn.iter().find(is_random), None, "{class} of {package:?}");
        let encoder_weights = report.loaded.iter().chain(&report.summed).filter(|name| name.starts_with("encoder."));
        assert!(
            encoder_weights.count() >= 10 && report.passed_over.iter().all(|key| is_head(key)),
            "{class}: {report:?}"
        );
    }
}

/// What comes after an encoder.
fn is_head(key: &str) -> bool {
    let heads =
        ["num_batches_tracked", "fc.", "classifier", "conv_head", "_conv_head", "top_", "last_linear", "features.8"];
    heads.iter().any(|head| key.contains(head))
        || key.contains("bn2.")
        || key.contains("_bn1.")
        || key.contains("decoder.")
}

#[test]
fn a_hint_names_the_package_and_its_wrapper() {
    for (package, encoder, prefix) in [
        (Package::Smp, "smp-efficientnet-b0", "model."),
        (Package::Torchvision, "efficientnet-b0", ""),
        (Package::HuggingFace, "resnet34", ""),
        (Package::Monai, "smp-efficientnet-b0", "net."),
    ] {
        let known = saved().into_iter().find(|it| it.package == package && it.encoder == encoder).unwrap();
        let told = apply(&mut over(encoder), &weights(), zeros(&known.keys, prefix)).unwrap_err().to_string();
        let strip = if prefix.is_empty() { String::new() } else { format!("`strip_prefix = \"{prefix}\"` and ") };
        let expected = format!("\nadd {strip}`names = \"{}\"` to the recipe's `weights` to find ", package.name());
        assert!(told.contains(&expected), "{package:?}: {told}");
    }
}
