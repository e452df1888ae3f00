//! Execution providers from libraries of their own: WebGPU on a GPU made of software (SwiftShader, which comes with
//! Chromium), and OpenVINO on the CPU.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "support/lacking.rs"]
mod lacking;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use assert_cmd::assert::Assert;
use lacking::SOFTWARE_GPU;
use pleura::Size;
use pleura::onnx::{ElementType, GraphBuilder, attribute as a};
use support::case::{Case, POST, member, score};

use support::toy::{Toy, noise, png};

/// Far longer than any test takes: what hangs fails.
const DEADLINE: Duration = Duration::from_secs(300);

/// Fetches both libraries (60 MB) once; their folders, as `PLEURA_PROVIDERS` takes them.
fn libraries() -> &'static str {
    static LIBRARIES: OnceLock<String> = OnceLock::new();
    LIBRARIES.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("providers/cache");
        let mut install = support::pleura();
        install.env("PLEURA_CACHE", &cache).env_remove("PLEURA_OFFLINE").timeout(DEADLINE);
        install.args(["runtime", "install", "--webgpu", "--openvino"]).assert().success();
        let folders = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path());
        let folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
        std::env::join_paths(folders).unwrap().into_string().unwrap()
    })
}

/// The binary on a machine with both libraries, and a GPU made of software.
fn pleura() -> assert_cmd::Command {
    support::runtime();
    let mut command = support::pleura();
    command.env("PLEURA_PROVIDERS", libraries()).timeout(DEADLINE);
    // the Vulkan loader beside SwiftShader
    command.env("LD_LIBRARY_PATH", Path::new(SOFTWARE_GPU).parent().unwrap());
    command.env("VK_DRIVER_FILES", SOFTWARE_GPU).env("ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER", "1");
    command
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

/// A classifier and two segmenters, each with a flipped view; and seven images.
fn two_stages() -> (Case, Vec<PathBuf>) {
    let flip = "tta = [{ plugin = \"flip\", params = { axis = \"horizontal\" } }]";
    let toml = format!(
        "{POST}\n[classifier]\ngate = {{ kind = \"score\", above = 0.49 }}\n{}{}{}",
        member("classifier", "c", &format!("{}\n{flip}", score())),
        member("segmenter", "s", flip),
        member("segmenter", "t", flip)
    );
    let models = [
        ("c", Toy::default()),
        ("s", Toy { gain: 0.9, ..Toy::default() }),
        ("t", Toy { sigmoid: true, gain: 3.0, shift: -1.5, ..Toy::default() }),
    ];
    let case = Case::new(&models, &toml);
    let image = |seed| png(case.folder.path(), &format!("image{seed}"), &noise(seed, Size::new(8, 8)));
    let images = (0..7).map(image).collect();
    (case, images)
}

fn predict(case: &Case, images: &[PathBuf], out: &str, more: &[&str]) -> Assert {
    let mut command = pleura();
    command.args(["predict", "--threads", "1", "--out"]).arg(case.folder.path().join(out)).args(more);
    command.arg(&case.manifest).args(images).assert()
}

fn rows(case: &Case, name: &str) -> String {
    fs::read_to_string(case.folder.path().join(name)).unwrap()
}

#[test]
#[cfg_attr(no_software_gpu, ignore = "no SwiftShader: install Chromium")]
#[cfg_attr(no_provider_libraries, ignore = "no provider libraries: CI=1 fetches them (60 MB)")]
fn webgpu_computes_what_the_cpu_does_in_any_batch() {
    let (case, images) = two_stages();
    predict(&case, &images, "cpu.csv", &["--device", "cpu"]).success();
    let expected = rows(&case, "cpu.csv");
    let masks = expected.lines().filter(|line| !line.ends_with(",-1")).count() - 1;
    assert!((1..images.len()).contains(&masks), "the gate decides both ways: {expected}");
    for batch in ["1", "3"] {
        let said = stderr(&predict(&case, &images, "gpu.csv", &["--device", "webgpu", "--batch", batch]).success());
        assert_eq!(rows(&case, "gpu.csv"), expected, "{said}");
        assert!(said.contains("device: webgpu:0 ("), "{said}");
        let sessions: Vec<_> = said.lines().filter(|line| line.starts_with("session")).collect();
        let is_there = |line: &&str| line.contains("onnx`: webgpu:0; as on the CPU on ");
        assert!(sessions.len() == 3 && sessions.iter().all(is_there), "{said}");
    }
}

#[test]
#[cfg_attr(no_software_gpu, ignore = "no SwiftShader: install Chromium")]
#[cfg_attr(no_provider_libraries, ignore = "no provider libraries: CI=1 fetches them (60 MB)")]
fn the_number_of_compared_inputs_is_the_user_s() {
    let (case, images) = two_stages();
    let compared = |number: &str| {
        let more = ["--device", "webgpu", "--batch", "2", "--verify-device", number];
        let said = stderr(&predict(&case, &images, "gpu.csv", &more).success());
        said.lines().filter(|line| line.contains("c.onnx")).map(str::to_owned).collect::<String>()
    };
    assert!(compared("3").contains("as on the CPU on 4 inputs"), "a batch as a whole: {}", compared("3"));
    assert!(!compared("0").contains("as on the CPU"));
}

/// Real GPUs have 16-bit floats, SwiftShader has none.
#[test]
#[cfg_attr(no_software_gpu, ignore = "no SwiftShader: install Chromium")]
#[cfg_attr(no_provider_libraries, ignore = "no provider libraries: CI=1 fetches them (60 MB)")]
fn half_precision_on_a_gpu_without_it_fails_by_name_and_writes_nothing() {
    let case =
        Case::new(&[("h", Toy { half: true, ..Toy::default() })], &format!("{POST}\n{}", member("segmenter", "h", "")));
    let images = [png(case.folder.path(), "image", &noise(3, Size::new(8, 8)))];
    let said = stderr(&predict(&case, &images, "gpu.csv", &["--device", "webgpu"]).code(2));
    assert!(said.contains("member `h`") && said.contains("requires f16 but the device does not support it"), "{said}");
    assert!(!case.folder.path().join("gpu.csv").exists());
    predict(&case, &images, "gpu.csv", &["--device", "openvino"]).success();
}

#[test]
#[cfg_attr(no_software_gpu, ignore = "no SwiftShader: install Chromium")]
#[cfg_attr(no_provider_libraries, ignore = "no provider libraries: CI=1 fetches them (60 MB)")]
fn what_webgpu_cannot_do_is_said_and_done_by_the_cpu() {
    let case = Case::new(&[], &format!("{POST}\n{}", member("segmenter", "shrinks", "")));
    let dims = ["n".into(), 1.into(), 8.into(), 8.into()];
    let mut graph = GraphBuilder::new("shrinks");
    let image = graph.input("image", ElementType::Float, &dims);
    let shrunk = graph.node("Shrink", &[&image], vec![a::float("lambd", 0.3)]);
    graph.output(&shrunk, "map", ElementType::Float, &dims);
    graph.build().write(case.folder.path().join("shrinks.onnx")).unwrap();
    let images = [png(case.folder.path(), "image", &noise(3, Size::new(8, 8)))];
    predict(&case, &images, "cpu.csv", &["--device", "cpu"]).success();
    let said = stderr(&predict(&case, &images, "gpu.csv", &["--device", "webgpu"]).success());
    assert!(
        said.contains("shrinks.onnx`: webgpu:0 leaves some nodes to the CPU, and is slower for it: Shrink 1"),
        "{said}"
    );
    assert_eq!(rows(&case, "gpu.csv"), rows(&case, "cpu.csv"));
}

#[test]
#[cfg_attr(no_software_gpu, ignore = "no SwiftShader: install Chromium")]
#[cfg_attr(no_provider_libraries, ignore = "no provider libraries: CI=1 fetches them (60 MB)")]
fn devices_are_listed_tried_and_refused_by_number() {
    let shown = pleura().args(["runtime", "show"]).assert().success();
    let shown = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
    assert!(
        shown.contains("webgpu:0 ") && shown.contains("openvino:0 ") && shown.contains("it needs macOS"),
        "{shown}"
    );
    for device in ["webgpu", "openvino", "cpu"] {
        let tried = pleura().args(["runtime", "probe", device]).assert().success();
        assert!(String::from_utf8_lossy(&tried.get_output().stdout).contains(" works"), "{device}");
    }
    let (case, images) = two_stages();
    let refused = |more: &[&str]| stderr(&predict(&case, &images, "gpu.csv", more).code(2));
    let said = refused(&["--device", "webgpu:7"]);
    assert!(said.contains("device webgpu:7 is unavailable: its only device is number 0"), "{said}");
    let said = refused(&["--device", "webgpu", "--device-memory", "1GiB"]);
    assert!(said.contains("the memory of webgpu:0 cannot be limited"), "{said}");
    let said = refused(&["--device", "coreml"]);
    assert!(said.contains("device coreml:0 is unavailable") && said.contains("macOS"), "{said}");
}

#[test]
#[cfg_attr(no_provider_libraries, ignore = "no provider libraries: CI=1 fetches them (60 MB)")]
fn without_a_gpu_or_a_library_the_next_step_is_named() {
    let (case, images) = two_stages();
    let mut command = pleura();
    command
        .env_remove("ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER")
        .args(["predict", "--device", "webgpu", "--out", "x.csv"]);
    let said = stderr(&command.arg(&case.manifest).args(&images).assert().code(2));
    assert!(
        said.contains("device webgpu:0 is unavailable: it finds no device") && said.contains("libvulkan"),
        "{said}"
    );
    let mut command = support::pleura();
    command.args(["predict", "--device", "webgpu", "--out", "x.csv"]).arg(&case.manifest).args(&images);
    let said = stderr(&command.env("PLEURA_PROVIDERS", case.folder.path()).assert().code(2));
    assert!(said.contains("libonnxruntime_providers_webgpu.so` is missing"), "{said}");
    assert!(said.contains("`pleura runtime install --webgpu`"), "{said}");
}

#[test]
#[cfg_attr(no_provider_libraries, ignore = "no provider libraries: CI=1 fetches them (60 MB)")]
fn a_device_that_cannot_train_says_so_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = support::discs::training(folder.path(), 2);
    let out = folder.path().join("out");
    let mut command = pleura();
    command.arg("train").arg(&recipe).args(["--fold", "0", "--device", "openvino", "--out"]).arg(&out);
    let said = stderr(&command.assert().code(2));
    assert!(said.contains("openvino:0 trains no networks") && said.contains("use `--device cpu`"), "{said}");
    assert!(!out.exists());
}

/// OpenVINO computes in bfloat16 where the CPU has it, unless it is told not to: the comparison would find that.
#[test]
#[cfg_attr(no_provider_libraries, ignore = "no provider libraries: CI=1 fetches them (60 MB)")]
fn openvino_computes_in_single_precision_beside_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |out: &str, device: &str| {
        let mut command = pleura();
        command.args(["demo", "--images", "6", "--device", device, "--out"]).arg(folder.path().join(out));
        stderr(&command.assert().success())
    };
    demo("cpu", "cpu");
    let said = demo("openvino", "openvino,cpu");
    let rows = |out: &str| fs::read_to_string(folder.path().join(out).join("submission.csv")).unwrap();
    assert_eq!(rows("openvino"), rows("cpu"), "{said}");
    assert_eq!(said.matches("onnx`: openvino:0").count(), 2, "{said}");
    // the library is loaded, and sessions on the CPU still run there
    let on_cpu = |line: &&str| line.starts_with("session") && line.contains("CPUExecutionProvider");
    assert_eq!(said.lines().filter(on_cpu).count(), 2, "{said}");
}
