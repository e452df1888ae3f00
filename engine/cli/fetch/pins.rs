//! The pinned wheels: versions and digests.

use std::env::consts::{ARCH, OS};

use anyhow::bail;
use pleura::runtime::provider::LIBRARIES_VARIABLE;
use pleura::runtime::{Provider, find};

/// A wheel of the Python package index.
pub struct Wheel {
    /// The package.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The SHA-256 of the wheel for the build's platform and CPython 3.12.
    pub sha256: &'static str,
}

/// The wheels of one folder of the cache.
pub struct Build {
    /// ONNX Runtime's, or a provider library's.
    main: &'static Wheel,
    /// CUDA's libraries, if requested.
    libraries: &'static [Wheel],
    /// The platform tags under which pip finds the wheels.
    pub platforms: &'static [&'static str],
}

/// CUDA's major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cuda {
    /// For drivers older than 580.
    Twelve,
    /// For drivers from 580 on.
    Thirteen,
}

impl Build {
    /// The main package.
    pub fn package(&self) -> &'static str {
        self.main.package
    }

    /// Its version.
    pub fn version(&self) -> &'static str {
        self.main.version
    }

    /// The folder's name in the cache.
    pub fn folder(&self) -> String {
        match self.package() {
            "onnxruntime-gpu" => format!("onnxruntime-{}-gpu", self.version()),
            package => format!("{package}-{}", self.version()),
        }
    }

    /// Every wheel: the main one, then CUDA's.
    pub fn wheels(&self) -> impl Iterator<Item = &'static Wheel> {
        std::iter::once(self.main).chain(self.libraries)
    }

    /// The pip command that installs the same wheels: Python's packages are searched too.
    pub fn by_hand(&self) -> String {
        let extras = if self.libraries.is_empty() { "" } else { "[cuda,cudnn]" };
        format!("python3 -m pip install '{}{extras}=={}'", self.package(), self.version())
    }
}

/// The build for this machine, without CUDA's libraries: the GPU build if there is an NVIDIA driver.
pub fn fitting() -> anyhow::Result<Build> {
    match find::driver_version() {
        Some(version) if (OS, ARCH) == ("linux", "x86_64") => Ok(gpu(cuda_for(Some(version)), false)),
        _ => cpu(),
    }
}

/// The GPU build with CUDA's libraries, for the installed driver or else the newest.
pub fn with_cuda() -> anyhow::Result<Build> {
    if (OS, ARCH) != ("linux", "x86_64") {
        bail!("the CUDA libraries are available for Linux on x86_64 only; this is {OS} on {ARCH}");
    }
    Ok(gpu(cuda_for(find::driver_version()), true))
}

fn cuda_for(driver: Option<(u32, u32)>) -> Cuda {
    if driver.is_some_and(|(major, _)| major < 13) { Cuda::Twelve } else { Cuda::Thirteen }
}

/// The GPU build.
pub fn gpu(cuda: Cuda, with_libraries: bool) -> Build {
    let (runtime, libraries): (_, &[_]) = match cuda {
        Cuda::Twelve => (&GPU_CUDA12, &CUDA12),
        Cuda::Thirteen => (&GPU_CUDA13, &CUDA13),
    };
    Build { main: runtime, libraries: if with_libraries { libraries } else { &[] }, platforms: &LINUX_X86_64 }
}

fn cpu() -> anyhow::Result<Build> {
    let (runtime, platforms): (_, &[_]) = match (OS, ARCH) {
        ("linux", "x86_64") => (&CPU_LINUX_X86_64, &LINUX_X86_64),
        ("linux", "aarch64") => (&CPU_LINUX_AARCH64, &LINUX_AARCH64),
        ("macos", "aarch64") => (&CPU_MACOS_ARM64, &MACOS_ARM64),
        _ => bail!(
            "no ONNX Runtime is pinned for {OS} on {ARCH}: install version 1.{} or newer, and set ORT_DYLIB_PATH to \
             its library",
            find::OLDEST
        ),
    };
    Ok(Build { main: runtime, libraries: &[], platforms })
}

/// A provider's library.
pub fn of(provider: Provider) -> anyhow::Result<Build> {
    let (main, platforms): (_, &[_]) = match (provider, OS, ARCH) {
        (Provider::WebGpu, "linux", "x86_64") => (&WEBGPU_LINUX_X86_64, &LINUX_X86_64),
        (Provider::WebGpu, "linux", "aarch64") => (&WEBGPU_LINUX_AARCH64, &LINUX_AARCH64),
        (Provider::WebGpu, "macos", "aarch64") => (&WEBGPU_MACOS, &MACOS_ARM64),
        (Provider::OpenVino, "linux", "x86_64") => (&OPENVINO_LINUX_X86_64, &LINUX_X86_64),
        _ => bail!(
            "no library for `{provider}` is pinned for {OS} on {ARCH}: put it into a folder, and set \
             {LIBRARIES_VARIABLE} to that folder"
        ),
    };
    Ok(Build { main, libraries: &[], platforms })
}

const LINUX_X86_64: [&str; 3] = ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64"];
const LINUX_AARCH64: [&str; 3] = ["manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64"];
const MACOS_ARM64: [&str; 2] = ["macosx_14_0_arm64", "macosx_14_0_universal2"];

const fn wheel(package: &'static str, version: &'static str, sha256: &'static str) -> Wheel {
    Wheel { package, version, sha256 }
}

static CPU_LINUX_X86_64: Wheel =
    wheel("onnxruntime", "1.24.4", "0d640eb9f3782689b55cfa715094474cd5662f2f137be6a6f847a594b6e9705c");
static CPU_LINUX_AARCH64: Wheel =
    wheel("onnxruntime", "1.24.4", "1a5c5a544b22f90859c88617ecb30e161ee3349fcc73878854f43d77f00558b5");
static CPU_MACOS_ARM64: Wheel =
    wheel("onnxruntime", "1.24.4", "cad1c2b3f455c55678ab2a8caa51fb420c25e6e3cf10f4c23653cdabedc8de78");
static GPU_CUDA12: Wheel =
    wheel("onnxruntime-gpu", "1.24.4", "eb0e38f0c1ef3b76ae0081c8e51eed20dd8925aa916f0fc6f9b8b17d05610e99");
// The first version on the index that is built for CUDA 13.
static GPU_CUDA13: Wheel =
    wheel("onnxruntime-gpu", "1.27.0", "b2b8d6afabf3c23c2c698639a16388816dc7298f388a9ddddf504b283990ea01");

static WEBGPU_LINUX_X86_64: Wheel =
    wheel("onnxruntime-ep-webgpu", "0.4.0", "5d8c961eda91a88961cad1fb7621f389f006b18497d6ea9ecf96f729f066cbfb");
static WEBGPU_LINUX_AARCH64: Wheel =
    wheel("onnxruntime-ep-webgpu", "0.4.0", "17f660db53b1a509c63e721ac6784a2daa1c4e91a968523ee9986505ee5b0a55");
static WEBGPU_MACOS: Wheel =
    wheel("onnxruntime-ep-webgpu", "0.4.0", "8d0a91d44b43d931c3068b9134aed9770f27803e353c2b58c93e1700bb68bcca");
static OPENVINO_LINUX_X86_64: Wheel =
    wheel("onnxruntime-ep-openvino", "1.8.1", "3832643158c8c187fcab6db661cde2a8c06a2b3559d95d0f2411ac0e51c5e924");

// The oldest CUDA 13, which every driver of that major version runs.
static CUDA13: [Wheel; 7] = [
    wheel("nvidia-cuda-runtime", "13.0.96", "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"),
    wheel("nvidia-cuda-nvrtc", "13.0.88", "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575"),
    wheel("nvidia-nvjitlink", "13.0.88", "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b"),
    wheel("nvidia-cublas", "13.1.0.3", "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171"),
    wheel("nvidia-cufft", "12.0.0.61", "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3"),
    wheel("nvidia-curand", "10.4.0.35", "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc"),
    wheel("nvidia-cudnn-cu13", "9.20.0.48", "0c45dd8eeb50b603f07995b1b300c62ffe6a1980482b82b3bcf94a4ca9d49304"),
];

static CUDA12: [Wheel; 7] = [
    wheel("nvidia-cuda-runtime-cu12", "12.8.90", "adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90"),
    wheel("nvidia-cuda-nvrtc-cu12", "12.8.93", "a7756528852ef889772a84c6cd89d41dfa74667e24cca16bb31f8f061e3e9994"),
    wheel("nvidia-nvjitlink-cu12", "12.8.93", "81ff63371a7ebd6e6451970684f916be2eab07321b73c9d244dc2b4da7f73b88"),
    wheel("nvidia-cublas-cu12", "12.8.4.1", "8ac4e771d5a348c551b2a426eda6193c19aa630236b418086020df5ba9667142"),
    wheel("nvidia-cufft-cu12", "11.3.3.83", "4d2dd21ec0b88cf61b62e6b43564355e5222e4a3fb394cac0db101f2dd0d4f74"),
    wheel("nvidia-curand-cu12", "10.3.9.90", "b32331d4f4df5d6eefa0554c565b626c7216f87a06a4f56fab27c3b68a830ec9"),
    wheel("nvidia-cudnn-cu12", "9.20.0.48", "7d7479e1321c7a039b33827f0247791ee1be091759032c1f66a287c4a643396a"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_decides_on_cuda_and_without_one_it_is_the_newest() {
        for (driver, cuda) in [
            (Some((12, 8)), Cuda::Twelve),
            (Some((13, 0)), Cuda::Thirteen),
            (Some((14, 1)), Cuda::Thirteen),
            (None, Cuda::Thirteen),
        ] {
            assert_eq!(cuda_for(driver), cuda, "{driver:?}");
        }
    }

    #[test]
    fn the_command_by_hand_brings_what_the_build_holds() {
        let build = gpu(Cuda::Thirteen, true);
        assert_eq!(build.by_hand(), "python3 -m pip install 'onnxruntime-gpu[cuda,cudnn]==1.27.0'");
        assert_eq!(build.folder(), "onnxruntime-1.27.0-gpu");
        assert_eq!(build.wheels().count(), 8);
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn a_pinned_provider_is_the_one_that_is_searched_for() {
        for provider in [Provider::WebGpu, Provider::OpenVino] {
            let build = of(provider).unwrap();
            assert_eq!(Some(build.package()), provider.package());
            assert_eq!(build.folder(), format!("{}-{}", build.package(), build.version()));
        }
        assert!(of(Provider::CoreMl).is_err());
    }
}
