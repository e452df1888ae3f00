//! The committed ensemble of the demo: `ensembles/demo.toml` with its networks, embedded in the binary so that the demo
//! works from anywhere.
//!
//! `cargo run --release -- demo --train --out demo` retrains the networks. To commit them:
//!
//! ```sh
//! cp demo/ensemble/demo.toml ensembles/ && cp demo/ensemble/demo/*.onnx ensembles/demo/
//! ```

/// An embedded file.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its path, relative to the manifest.
    pub path: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// A network of the ensemble.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    /// Its name.
    pub name: &'static str,
    /// The recipe of its training.
    pub recipe: File,
    /// The ONNX model.
    pub model: File,
}

/// A file below `ensembles`.
macro_rules! file {
    ($path:literal) => {
        File { path: $path, bytes: include_bytes!(concat!("../../../ensembles/", $path)) }
    };
}

/// The manifest.
pub const MANIFEST: File = file!("demo.toml");

/// The networks.
pub const NETWORKS: [Network; 2] = [
    Network { name: "classifier", recipe: file!("demo/classifier.toml"), model: file!("demo/classifier.onnx") },
    Network { name: "segmenter", recipe: file!("demo/segmenter.toml"), model: file!("demo/segmenter.onnx") },
];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use pleura::manifest::Manifest;
    use pleura::onnx;
    use pleura_train::recipe::{self, Recipe};
    use pleura_train::{nets, weights};

    use super::*;

    fn path(file: File) -> PathBuf {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ensembles")).join(file.path)
    }

    #[test]
    fn the_recipes_are_sound() {
        for network in NETWORKS {
            let lint = recipe::lint(&path(network.recipe)).unwrap();
            let told: Vec<_> = lint.diagnostics.iter().map(ToString::to_string).collect();
            assert_eq!(told, [""; 0]);
        }
    }

    /// The files are compared byte for byte with the recipe's network with the files' weights.
    #[test]
    fn the_models_are_the_recipes_networks_with_other_weights() {
        for network in NETWORKS {
            let recipe = Recipe::read(&path(network.recipe)).unwrap();
            let model = onnx::read(path(network.model)).unwrap();
            let mut built = nets::build(&recipe.network, recipe.seed).unwrap();
            assert_eq!(model.graph().node, built.graph().node, "{}", network.name);
            let drawn = built.to_bytes();
            for tensor in model.graph().initializer.iter().filter(|tensor| weights::is_weight(tensor)) {
                built.set_floats(&tensor.name, &tensor.floats().unwrap()).unwrap();
            }
            assert!(built.to_bytes() == network.model.bytes, "{} is not its recipe's network", network.name);
            assert!(drawn != network.model.bytes, "{} was never trained", network.name);
        }
    }

    #[test]
    fn the_manifest_runs_the_models_as_they_were_trained() {
        let manifest = Manifest::read(&path(MANIFEST)).unwrap();
        let stages = [manifest.classifier.as_ref().unwrap(), &manifest.segmenter];
        for (network, stage) in NETWORKS.into_iter().zip(stages) {
            let [member] = stage.members.as_slice() else { panic!("{} is the only member", network.name) };
            assert_eq!(member.model.as_deref(), Some(Path::new(network.model.path)));
            assert_eq!(
                member.sha256.as_deref(),
                Some(pleura_files::digest::file(&path(network.model)).unwrap().as_str())
            );
            let recipe = Recipe::read(&path(network.recipe)).unwrap();
            let (input, data) = (&member.input, &recipe.data);
            assert_eq!(input.size, recipe.phases.last().unwrap().size, "{}", network.name);
            assert_eq!(input.channels, recipe.network.channels, "{}", network.name);
            assert_eq!((member.intensity, input.resize, input.scale), (data.intensity, data.resize, data.scale));
            assert_eq!((&input.mean, &input.std), (&data.mean, &data.std), "{}", network.name);
        }
    }

    #[test]
    fn together_the_models_are_small() {
        let bytes: usize = NETWORKS.iter().map(|network| network.model.bytes.len()).sum();
        assert!(bytes <= 1_000_000, "{bytes} bytes");
    }
}
