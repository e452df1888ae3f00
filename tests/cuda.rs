//! The host's side of CUDA without a GPU: ONNX Runtime's CUDA provider over fake CUDA libraries (`tests/gpu/fake`),
//! whose memory is the host's and whose kernels do nothing. Tests cover sessions, node placement, memory limits, and
//! the binding and copying of inputs and outputs. Numbers and masks are meaningless.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use assert_cmd::assert::Assert;
use support::discs::training;

/// Far longer than any test takes: what hangs fails.
const DEADLINE: Duration = Duration::from_secs(300);

/// Folders of ONNX Runtime for CUDA and of the fake libraries.
struct Cuda {
    cache: PathBuf,
    libraries: PathBuf,
}

/// Fetches ONNX Runtime for CUDA (220 MB) once. Tests that need it are ignored `cfg_attr(no_cuda_runtime)`, unless in CI.
fn cuda() -> &'static Cuda {
    static CUDA: OnceLock<Cuda> = OnceLock::new();
    CUDA.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cuda");
        let (cache, libraries) = (folder.join("cache"), folder.join("libraries"));
        make(&["--driver".as_ref(), libraries.as_ref()]);
        let cuda = Cuda { cache, libraries };
        // A machine with a driver gets the GPU build.
        cuda.pleura().args(["runtime", "install"]).timeout(2 * DEADLINE).assert().success();
        let shown = cuda.pleura().args(["runtime", "show"]).assert().success();
        let shown = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
        let library = shown.lines().find_map(|line| line.trim().strip_prefix("library")).unwrap().trim();
        let provider = Path::new(library).with_file_name("libonnxruntime_providers_cuda.so");
        make(&[provider.as_ref(), cuda.libraries.as_ref()]);
        cuda
    })
}

fn make(arguments: &[&std::ffi::OsStr]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gpu/fake/make.sh");
    let built = Command::new(script).args(arguments).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

impl Cuda {
    /// The binary on a machine with one GPU of 2 GiB.
    fn pleura(&self) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pleura"));
        command.env_remove("ORT_DYLIB_PATH").env_remove("PLEURA_OFFLINE").env("PLEURA_CACHE", &self.cache);
        command.env("LD_LIBRARY_PATH", &self.libraries).env("FAKE_GPU_MIB", "2048").timeout(DEADLINE);
        command
    }

    /// Draws radiographs and predicts them on the device that `auto` finds.
    fn demo(&self, folder: &Path) -> Assert {
        self.pleura().args(["demo", "--images", "8", "--verify-device", "0", "--out"]).arg(folder).assert()
    }
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

#[test]
#[cfg_attr(no_cuda_runtime, ignore = "no ONNX Runtime for CUDA: CI=1 fetches it (220 MB)")]
fn a_gpu_is_found_and_gets_every_node() {
    let cuda = cuda();
    let shown = cuda.pleura().args(["runtime", "show"]).assert().success();
    let shown = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
    assert!(shown.contains("supports CUDA up to 13.0") && shown.contains("has all libraries"), "{shown}");

    let folder = tempfile::tempdir().unwrap();
    let said = stderr(&cuda.demo(folder.path()).success());
    assert!(said.contains("device: cuda:0 (CUDA works here)"), "{said}");
    let sessions: Vec<_> = said.lines().filter(|line| line.starts_with("session")).collect();
    assert_eq!(sessions.len(), 2, "{said}");
    let all_there = |line: &&str| line.contains("CUDAExecutionProvider") && !line.contains("CPUExecutionProvider");
    assert!(sessions.iter().all(all_there), "{said}");
    assert!(!said.contains("page-locked"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("submission.csv")).unwrap().lines().count(), 9);
}

#[test]
#[cfg_attr(no_cuda_runtime, ignore = "no ONNX Runtime for CUDA: CI=1 fetches it (220 MB)")]
fn a_device_s_memory_is_limited_and_batches_are_halved() {
    let cuda = cuda();
    let folder = tempfile::tempdir().unwrap();
    cuda.demo(folder.path()).success();
    let predict = |memory: &str| {
        let mut command = cuda.pleura();
        command.arg("predict").args(["ensemble/demo.toml", "radiographs", "--out", "again.csv", "--batch", "8"]);
        command.args(["--device", "cuda", "--verify-device", "0", "--device-memory", memory]);
        command.current_dir(folder.path());
        command.assert()
    };
    let said = stderr(&predict("5MiB").success());
    assert!(said.contains("ran out of memory: it gets 4 images at once"), "{said}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("again.csv"), read("submission.csv"));
    let said = stderr(&predict("1KiB").code(2));
    assert!(said.contains("cannot load model"), "{said}");
}

/// Kernels do nothing, so every result is wrong: no image gets a mask from it.
#[test]
#[cfg_attr(no_cuda_runtime, ignore = "no ONNX Runtime for CUDA: CI=1 fetches it (220 MB)")]
fn wrong_results_are_found_by_the_cpu_and_the_first_node_is_named() {
    let cuda = cuda();
    let folder = tempfile::tempdir().unwrap();
    cuda.demo(folder.path()).success();
    let mut command = cuda.pleura();
    command.args(["predict", "ensemble/demo.toml", "radiographs", "--out", "again.csv", "--device", "cuda"]);
    let said = stderr(&command.current_dir(folder.path()).assert().code(2));
    assert!(said.contains("all 8 inputs were skipped") && !folder.path().join("again.csv").exists(), "{said}");
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("warning: skipped")).collect();
    let says = |line: &&str| {
        line.contains("classifier.onnx` gives other results on cuda:0 than on the CPU, from node `")
            && line.contains("` (Conv) on: output `score` differs by ")
            && line.contains("more than the tolerance of 0.001")
    };
    assert!(lines.len() == 8 && lines.iter().all(says), "{said}");
}

#[test]
#[cfg_attr(no_cuda_runtime, ignore = "no ONNX Runtime for CUDA: CI=1 fetches it (220 MB)")]
fn a_device_is_tried_in_a_child_process() {
    let cuda = cuda();
    let probe = |device: &str| {
        let probed = cuda.pleura().args(["runtime", "probe", device]).assert();
        String::from_utf8_lossy(&probed.get_output().stdout).into_owned()
    };
    assert_eq!(probe("cuda"), "cuda:0 works\n");
    let refused = probe("cuda:7");
    assert!(
        refused.starts_with("cuda:7 fails: ") && !refused.contains(".cc") && !refused.contains("hostname"),
        "{refused}"
    );
}

#[test]
#[cfg_attr(no_cuda_runtime, ignore = "no ONNX Runtime for CUDA: CI=1 fetches it (220 MB)")]
fn a_device_that_is_not_there_is_named() {
    let cuda = cuda();
    let folder = tempfile::tempdir().unwrap();
    cuda.demo(folder.path()).success();
    let mut command = cuda.pleura();
    command.arg("predict").args(["ensemble/demo.toml", "radiographs", "--out", "again.csv", "--device", "cuda:7"]);
    let said = stderr(&command.current_dir(folder.path()).assert().code(2));
    assert!(said.contains("cuda:7") && said.contains("`nvidia-smi -L`"), "{said}");
}

/// Kernels do nothing, so the exported network may differ from the trained one on the CPU, and be refused for it. All
/// that comes before has to work: buffers, steps, evaluations, checkpoints.
#[test]
#[cfg_attr(no_cuda_runtime, ignore = "no ONNX Runtime for CUDA: CI=1 fetches it (220 MB)")]
fn a_network_is_trained_and_its_state_is_read_back() {
    let cuda = cuda();
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 2);
    let out = folder.path().join("out");
    let mut command = cuda.pleura();
    command.arg("train").arg(&recipe).args(["--fold", "0", "--device", "cuda", "--out"]).arg(&out);
    let ended = command.assert();
    let said = stderr(&ended);
    assert!(said.contains("on cuda:0"), "{said}");
    assert!(ended.get_output().status.success() || said.contains("of the exported network differs"), "{said}");
    let files = || walkdir::WalkDir::new(&out).into_iter().map(|entry| entry.unwrap().into_path());
    let named = |start: &str| files().find(|path| path.file_name().unwrap().to_string_lossy().starts_with(start));
    let metrics = fs::read_to_string(named("metrics").expect("metrics")).unwrap();
    assert_eq!(metrics.lines().count(), 2, "{metrics}");
    assert!(named("checkpoint").is_some(), "{said}");
}

/// The texts of recipes' networks whose training graphs differ most.
const NETWORKS: [&str; 3] = [
    r#"architecture = { kind = "conv-stack", widths = [8] }"#,
    r#"architecture = { kind = "unet", encoder = "resnet18", attention = "cbam" }"#,
    r#"architecture = { kind = "deeplab-v3-plus", encoder = "efficientnet-lite0" }"#,
];

/// Sessions of the CUDA provider refuse kernels that they lack, or warn of those that run on the CPU.
#[test]
#[cfg_attr(no_cuda_runtime, ignore = "no ONNX Runtime for CUDA: CI=1 fetches it (220 MB)")]
fn mixed_precision_runs_on_the_gpu_and_its_scale_is_kept() {
    let cuda = cuda();
    for (number, network) in NETWORKS.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = training(folder.path(), 1);
        let text = fs::read_to_string(&recipe).unwrap();
        let text = text
            .replace(NETWORKS[0], network)
            .replace("optimizer =", "precision = \"fp16\"\noptimizer =")
            .replace(r#"[{ kind = "dice" }]"#, r#"[{ kind = "dice" }, { kind = "lovasz" }]"#)
            .replace("[40, 36]", "[64, 64]");
        assert!(text.contains(network) && text.contains("lovasz") && text.contains("64"), "{text}");
        fs::write(&recipe, text).unwrap();
        let out = folder.path().join("out");
        let mut command = cuda.pleura();
        command.arg("train").arg(&recipe).args(["--fold", "0", "--device", "cuda", "--out"]).arg(&out);
        let ended = command.assert();
        let said = stderr(&ended);
        assert!(said.contains("on cuda:0") && !said.contains("run on the CPU"), "{number}: {said}");
        assert!(ended.get_output().status.success() || said.contains("of the exported network differs"), "{said}");
        // two updates; the gradients of kernels that do nothing are finite
        let checkpoint = fs::read(out.join("fold0/checkpoint.safetensors")).unwrap();
        let checkpoint = String::from_utf8_lossy(&checkpoint);
        let scale = r#"\"scale\":{\"factor\":65536.0,\"good\":2}"#;
        assert!(checkpoint.contains(scale), "{number}: {}", &checkpoint[..4000]);
    }
}
