//! The ensemble of the demo as it is committed: `ensembles/demo.toml` and its models, carried in the binary so that the
//! demo works from anywhere.

/// The manifest.
pub const MANIFEST: &str = include_str!("../../../ensembles/demo.toml");

/// The models: their paths relative to the manifest, and their bytes; in the order of [`crate::DESIGNS`].
pub const MODELS: [(&str, &[u8]); 3] = [
    ("demo/classifier-192.onnx", include_bytes!("../../../ensembles/demo/classifier-192.onnx")),
    ("demo/segmenter-256.onnx", include_bytes!("../../../ensembles/demo/segmenter-256.onnx")),
    ("demo/segmenter-384.onnx", include_bytes!("../../../ensembles/demo/segmenter-384.onnx")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DESIGNS, Network};

    /// The graphs are compared byte for byte with what the code builds around the weights that the files hold.
    #[test]
    fn the_models_are_what_the_code_writes() {
        let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ensembles"));
        for (design, (path, bytes)) in DESIGNS.into_iter().zip(MODELS) {
            let model = pleura::onnx::read(folder.join(path)).unwrap();
            let network = Network::from_onnx(design, &model).expect("the file holds every weight of its design");
            assert!(network.to_onnx().to_bytes() == bytes, "{path} differs from what `make_models` writes");
        }
    }
}
