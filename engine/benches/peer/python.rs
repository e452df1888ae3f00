//! The Python that runs the peer.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `PLEURA_PEER_PYTHON`, or a virtual environment in `target`, created if missing.
pub fn find() -> Result<PathBuf, Box<dyn Error>> {
    if let Some(python) = std::env::var_os("PLEURA_PEER_PYTHON") {
        return Ok(python.into());
    }
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = engine.join("../target/peer-python");
    let (python, ready) = (venv.join("bin/python"), venv.join("ready"));
    if !ready.exists() {
        call(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let requirements = engine.join("benches/peer/requirements.txt");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        call(Command::new(&python).args(pip).arg(requirements))?;
        std::fs::write(ready, "")?;
    }
    Ok(python)
}

/// The ONNX Runtime library of that Python: both sides run the same one.
pub fn onnxruntime(python: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let script = "import onnxruntime, pathlib; \
                  print(next(pathlib.Path(onnxruntime.__file__).parent.glob('capi/libonnxruntime.so*')))";
    Ok(call(Command::new(python).args(["-c", script]))?.trim().into())
}

fn call(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "{command:?}: {}\n{why}\nset PLEURA_PEER_PYTHON to a Python with the packages of \
             engine/benches/peer/requirements.txt",
            output.status
        )
        .into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
