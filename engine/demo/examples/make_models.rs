//! Fits the demo's networks anew and writes them to `ensembles/demo`, or to the folder named.

use std::path::PathBuf;

fn main() -> Result<(), pleura::onnx::OnnxError> {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ensembles/demo");
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| here.to_owned()));
    for design in pleura_demo::DESIGNS {
        let path = folder.join(design.name).with_extension("onnx");
        pleura_demo::fit(design).to_onnx().write(&path)?;
        println!("{}", path.display());
    }
    Ok(())
}
