//! Finds a lesion in an image in memory, with a manifest in memory; the demo's networks and built-in plugins.

use std::path::Path;

use pleura::Radiograph;
use pleura::ensemble::Ensemble;
use pleura::manifest::Manifest;
use pleura::radiograph::ValuesAbout;
use pleura::runtime::Device;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [manifest, image] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "MANIFEST IMAGE")?;
    let manifest = Path::new(&manifest);
    let read = Radiograph::open(&image)?;
    let about = ValuesAbout {
        id: read.id().to_owned(),
        range: read.range(),
        inverted: read.is_inverted(),
        spacing: read.spacing(),
    };
    let radiograph = Radiograph::try_from_values(read.values().to_owned(), about)?;
    let made = Manifest::parse(&std::fs::read_to_string(manifest)?, manifest)?;
    let ensemble = Ensemble::options().device(Device::Cpu).open_manifest(made, manifest)?;
    let finding = ensemble.predict(&radiograph)?;
    println!("{},{}", finding.id, finding.mask.area());
    Ok(())
}
