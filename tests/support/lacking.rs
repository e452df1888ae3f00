//! What this machine lacks, for build scripts: sets `cfg(no_real_data)` and the like, by which tests are ignored.
//!
//! A test that returns early counts as passed. An ignored one is counted, and listed with its reason, by Cargo.
#![allow(dead_code, reason = "each build script uses its own part")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Variables that change the result, as far as Cargo can know; `touch` the build script after installing a program.
const VARIABLES: [&str; 5] = ["CI", "PLEURA_DATA", "PLEURA_CASES", "PLEURA_PYTHON", "PLEURA_PEER_PYTHON"];

/// Programs that one test needs, all of them.
const SLURM: [&str; 7] = ["sbatch", "slurmctld", "slurmd", "munged", "unshare", "nsenter", "ip"];

/// SwiftShader, a GPU made of software, which Debian's Chromium brings along.
pub const SOFTWARE_GPU: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";

/// Prints, for each list of modules, whether Python has all of them; none is imported.
const PYTHON: &str = "
import importlib.util, sys
for modules in sys.argv[1:]:
    print(all(importlib.util.find_spec(module) for module in modules.split(',')))
";

/// Declares a `cfg` for everything that integration tests may lack. `root` is the repository.
pub fn declare_all(root: &Path) {
    let [reader, validator, peer] = python_lacks([
        "imagecodecs,jpeg_ls,libjpeg,numpy,openjpeg,pydicom,rle",
        "kubernetes_validate,yaml",
        "cv2,numpy,onnxruntime,PIL,pydicom,tomllib",
    ]);
    let named = env::var_os("PLEURA_PYTHON").is_some();
    let named_peer = env::var_os("PLEURA_PEER_PYTHON").is_some() || root.join("target/peer-python").exists();
    declare("no_real_data", real_data(root));
    declare("no_cases", folder(root, "PLEURA_CASES", "cases"));
    declare("no_pydicom", reader && !named);
    declare("no_kubernetes_validate", validator && !named);
    declare("no_peer_python", peer && !named_peer);
    declare("no_chromium", !["chromium", "chromium-browser", "google-chrome"].iter().any(|name| is_on_path(name)));
    declare("no_dcmtk", !["storescu", "storescp", "echoscu", "dcmpschk"].iter().all(|name| is_on_path(name)));
    declare("no_slurm", !SLURM.iter().all(|name| is_on_path(name)));
    declare("no_namespaces", !succeeds(Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])));
    declare("no_software_gpu", !Path::new(SOFTWARE_GPU).exists());
    declare("no_provider_libraries", target().is_none_or(|target| !target.join("tmp/providers/cache").exists()));
    declare("no_cuda_runtime", target().is_none_or(|target| !target.join("tmp/cuda/cache").exists()));
}

/// Sets a `cfg` if something is missing; not in CI, where tests must fail for it.
pub fn declare(name: &str, is_lacking: bool) {
    for variable in VARIABLES {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rustc-check-cfg=cfg({name})");
    if is_lacking && env::var_os("CI").is_none() {
        println!("cargo::rustc-cfg={name}");
    }
}

/// Whether there is no folder of real radiographs.
pub fn real_data(root: &Path) -> bool {
    folder(root, "PLEURA_DATA", "data")
}

fn folder(root: &Path, variable: &str, name: &str) -> bool {
    !env::var_os(variable).map_or_else(|| root.join("../shared").join(name), PathBuf::from).is_dir()
}

/// Whether `python3` lacks any module, for each list of modules.
fn python_lacks<const N: usize>(modules: [&str; N]) -> [bool; N] {
    let output = Command::new("python3").args(["-c", PYTHON]).args(modules).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut lines = text.lines();
    modules.map(|_| lines.next() != Some("True"))
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn is_on_path(program: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).is_file())
}

/// Cargo's `target` folder, found from the build script's own folder in `debug/build/PACKAGE`.
fn target() -> Option<PathBuf> {
    Some(Path::new(&env::var_os("OUT_DIR")?).ancestors().nth(4)?.to_owned())
}
