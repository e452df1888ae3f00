//! Decides whether ONNX Runtime may compute a model's constants when it opens the model.
//!
//! It does so in memory without a limit: `ConstantOfShape`, `Expand`, `Tile` or `Range` make gigabytes from a few
//! bytes. So with a limit, the constant part is first run by itself under that limit. If it does not fit, or cannot be
//! cut out of the model, its nodes are not folded, and run under the limit with the rest of the model.

use std::path::Path;

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::Loaded;
use super::device_options::on_cpu;
use super::session::with_data_beside;
use crate::onnx::{self, Constants, Model, Skeleton};

/// Disables folding of a model's constants when it is opened, unless they fit into `limit` bytes.
///
/// # Errors
/// If the model cannot be read, its sparse tensors alone do not fit, or ONNX Runtime refuses the setting.
pub fn within(runtime: &Loaded, path: &Path, limit: usize, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
    let unread = |reason: String| ort::Error::new(reason);
    let bytes = std::fs::read(path).map_err(|error| unread(error.to_string()))?;
    let sparse = Skeleton::read(&bytes).map_err(unread)?.sparse_bytes();
    drop(bytes);
    if sparse > limit as u64 {
        let text = format!("sparse tensors take {sparse} bytes when dense, more than the limit of {limit} bytes");
        return Err(ort::Error::new(text + "; allow more (`--device-memory`)"));
    }
    let fits = match onnx::constants(&onnx::read(path).map_err(|error| unread(error.to_string()))?) {
        Constants::None => true,
        Constants::Graph(part) => match run(runtime, path, &part, limit) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!("constants of `{}` are computed in every run: {error}", path.display());
                false
            }
        },
        Constants::Unknown => false,
    };
    if fits { Ok(builder) } else { Ok(builder.with_disabled_optimizers("ConstantFolding")?) }
}

/// Runs the constant part of a model once, with all results in memory at the same time.
fn run(runtime: &Loaded, path: &Path, part: &Model, limit: usize) -> ort::Result<()> {
    let builder = on_cpu(&runtime.environment, Session::builder(&runtime.environment)?)?
        .with_optimization_level(GraphOptimizationLevel::Disable)?
        .with_intra_threads(1)?
        .with_env_allocators()?;
    let mut builder = with_data_beside(builder, path)?;
    let open = || builder.commit_from_memory(&part.to_bytes());
    runtime.arena.try_run(&runtime.environment, limit, open)
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use ndarray::Array4;

    use crate::chain;
    use crate::onnx::{ElementType, GraphBuilder, attribute as a};
    use crate::runtime::{Device, Model, ModelError, SessionOptions, for_tests};

    const LIMIT: usize = 64 << 20;

    /// Models with the same limit share an arena: tests that fill it take turns.
    static TURN: Mutex<()> = Mutex::new(());

    /// Adds nodes to a graph and returns the name of their result.
    type Write = fn(&mut GraphBuilder) -> String;

    /// Writes a network whose map is the image plus the mean of the value that `write` makes.
    fn network(path: &std::path::Path, write: Write) {
        let dims = ["n".into(), 1.into(), 8.into(), 8.into()];
        let mut graph = GraphBuilder::new("test");
        let image = graph.input("image", ElementType::Float, &dims);
        let large = write(&mut graph);
        let mean = graph.node("ReduceMean", &[&large], vec![a::int("keepdims", 0)]);
        let map = graph.node("Add", &[&image, &mean], vec![]);
        graph.output(&map, "map", ElementType::Float, &dims);
        graph.build().write(path).unwrap();
    }

    fn open(path: &std::path::Path) -> Option<Result<Model, ModelError>> {
        let runtime = for_tests()?;
        let memory = Some(LIMIT);
        let options = SessionOptions { device: Device::Cpu, threads: 1, tensorrt: false, fp16: false, memory };
        Some(Model::open(runtime, path, options))
    }

    /// The peak memory of this process.
    fn peak() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    }

    /// Each makes 4 GB from a few bytes.
    #[test]
    #[cfg(target_os = "linux")]
    fn constants_beyond_the_limit_take_no_memory_whatever_makes_them() {
        fn shape(graph: &mut GraphBuilder) -> String {
            graph.integers("shape", &[1 << 15, 1 << 15])
        }
        let makers: [(&str, Write); 7] = [
            ("fill", |graph| {
                let shape = shape(graph);
                graph.node("ConstantOfShape", &[&shape], vec![])
            }),
            ("expand", |graph| {
                let (shape, one) = (shape(graph), graph.scalar(1.0));
                graph.node("Expand", &[&one, &shape], vec![])
            }),
            ("tile", |graph| {
                let (times, one) = (graph.integers("times", &[1 << 30]), graph.constant("one", &[1], &[1.0]));
                graph.node("Tile", &[&one, &times], vec![])
            }),
            ("range", |graph| {
                let (start, end, step) = (graph.scalar(0.0), graph.scalar(16_777_216.0), graph.scalar(0.015_625));
                graph.node("Range", &[&start, &end, &step], vec![])
            }),
            ("doubled", |graph| {
                let one = graph.constant("one", &[1], &[1.0]);
                (0..30).fold(one, |it, _| graph.node("Concat", &[&it, &it], vec![a::int("axis", 0)]))
            }),
            ("broadcast", |graph| {
                let column = graph.constant("column", &[1 << 15, 1], &vec![1.0; 1 << 15]);
                let row = graph.constant("row", &[1, 1 << 15], &vec![1.0; 1 << 15]);
                graph.node("Mul", &[&column, &row], vec![])
            }),
            // (n, 1, 8, 8), of which the last two are fixed
            ("by-length", |graph| {
                let lengths = graph.node("Shape", &["image"], vec![a::int("start", 2)]);
                let much = graph.integers("much", &[1 << 12, 1 << 12]);
                let shape = graph.node("Mul", &[&lengths, &much], vec![]);
                graph.node("ConstantOfShape", &[&shape], vec![])
            }),
        ];
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let before = peak();
        for (name, write) in makers {
            let path = folder.path().join(name).with_extension("onnx");
            network(&path, write);
            let Some(model) = open(&path) else { return };
            let image = Array4::<f32>::zeros((1, 1, 8, 8)).into_dyn();
            let error = model.and_then(|model| model.run("image", image.view(), &["map"])).unwrap_err();
            assert!(error.to_string().contains("ran out of memory"), "{name}: {}", chain(&error));
        }
        // beyond the limit: what other tests of this process allocate meanwhile
        let taken = peak() - before;
        assert!(taken < 1 << 30, "{taken} bytes");
    }

    #[test]
    fn constants_that_fit_are_computed_and_give_back_what_they_took() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        network(&path, |graph| {
            // 40 MB, two of which do not fit at once
            let shape = graph.integers("shape", &[10 << 20]);
            let one = graph.scalar(1.0);
            graph.node("Expand", &[&one, &shape], vec![])
        });
        for _ in 0..2 {
            let Some(model) = open(&path) else { return };
            let image = Array4::<f32>::zeros((1, 1, 8, 8)).into_dyn();
            let map = model.unwrap().run("image", image.view(), &["map"]).unwrap();
            assert_eq!(map, [Array4::<f32>::ones((1, 1, 8, 8)).into_dyn()]);
        }
    }
}
