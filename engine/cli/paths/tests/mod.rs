//! Every verb and option: each path is declared as an input or an output, and no output may be an input.

mod pairs;

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, CommandFactory, FromArgMatches};

use super::{Names, Paths};
use crate::Cli;
use crate::exit::{Exit, conclude};

/// Text arguments that name no file.
const NOT_PATHS: [&str; 9] =
    ["title", "salt", "patient_column", "grid", "plugin", "class", "label", "path_column", "id_column"];

/// Options that require another one.
const NEEDS: [(&str, &[&str]); 11] = [
    ("import nnunet images", &["expected"]),
    ("import nnunet expected", &["images"]),
    ("predict report", &["findings"]),
    ("predict list", &["path_column"]),
    ("report groups", &["truth"]),
    ("report ensemble", &["truth", "cache"]),
    ("data split patient_column", &["patients"]),
    ("tune write", &[]),
    ("serve tls_certificate", &["tls_key"]),
    ("serve tls_key", &["tls_certificate"]),
    ("serve tls_clients", &["tls_certificate", "tls_key"]),
];

/// A verb, or a verb's subcommand.
struct Leaf {
    words: Vec<String>,
    args: Vec<Arg>,
}

fn leaves() -> Vec<Leaf> {
    fn add(command: &clap::Command, words: &[String], leaves: &mut Vec<Leaf>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let words = [words, &[sub.get_name().to_owned()]].concat();
            if sub.has_subcommands() {
                add(sub, &words, leaves);
            } else {
                leaves.push(Leaf { words, args: sub.get_arguments().cloned().collect() });
            }
        }
    }
    let mut leaves = Vec::new();
    add(&Cli::command(), &[], &mut leaves);
    leaves
}

fn holds(arg: &Arg, kind: TypeId) -> bool {
    arg.get_action().takes_values() && arg.get_value_parser().type_id() == kind
}

/// The name of an option in error messages.
fn shown(arg: &Arg) -> String {
    match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => arg.get_value_names().map_or(arg.get_id().as_str(), |names| names[0].as_str()).to_uppercase(),
    }
}

/// Parses a command line as `main` does, with one parser per thread, as building it takes far longer.
fn parse(words: &[String]) -> Result<Cli, clap::Error> {
    thread_local! {
        static COMMAND: RefCell<clap::Command> = RefCell::new({
            let mut command = Cli::command();
            command.build();
            command
        });
    }
    let mut matches = COMMAND.with_borrow_mut(|command| command.try_get_matches_from_mut(words))?;
    Cli::from_arg_matches_mut(&mut matches)
}

impl Leaf {
    fn name(&self) -> String {
        self.words.join(" ")
    }

    fn paths(&self) -> impl Iterator<Item = &Arg> {
        self.args.iter().filter(|arg| holds(arg, TypeId::of::<PathBuf>()))
    }

    /// A valid command line with these paths and all required arguments.
    fn parse(&self, folder: &Path, given: &BTreeMap<&str, PathBuf>) -> Cli {
        let needs = |id: &str| {
            let key = format!("{} {id}", self.name());
            NEEDS.iter().filter(move |(option, _)| *option == key).flat_map(|(_, needed)| *needed)
        };
        let needed: Vec<&str> = given.keys().flat_map(|id| needs(id)).copied().collect();
        let mut words = vec!["pleura".to_owned()];
        words.extend(self.words.iter().cloned());
        for arg in &self.args {
            let id = arg.get_id().as_str();
            if !given.contains_key(id) && !arg.is_required_set() && !needed.contains(&id) {
                continue;
            }
            let value = match given.get(id) {
                Some(path) => path.display().to_string(),
                None if holds(arg, TypeId::of::<PathBuf>()) => {
                    let path = folder.join(format!("other-{id}"));
                    fs::write(&path, "").unwrap();
                    path.display().to_string()
                }
                None if holds(arg, TypeId::of::<pleura::runtime::Device>()) => "cpu".into(),
                None => "1".into(),
            };
            match arg.get_long() {
                Some(long) => words.push(format!("--{long}={value}")),
                None => words.push(value),
            }
        }
        // INPUTS of `tune` are required where there are no `--images`, of `inspect` where there is no truth
        let cli = parse(&words);
        cli.unwrap_or_else(|error| panic!("{words:?}: {error}; does it need another option? see NEEDS"))
    }

    /// The same with radiographs, if they are required.
    fn command(&self, folder: &Path, given: &BTreeMap<&str, PathBuf>) -> Cli {
        let mut given = given.clone();
        let optional = matches!(&*self.name(), "predict" | "tune" | "data inspect");
        if optional && !given.contains_key("inputs") && !given.contains_key("images") {
            let path = folder.join("radiograph.png");
            fs::write(&path, "").unwrap();
            given.insert("inputs", path);
        }
        self.parse(folder, &given)
    }

    /// Whether a path is read by the command, and, if it is written, a file that is.
    fn role(&self, arg: &Arg) -> (bool, Option<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it.png");
        fs::write(&path, RECIPE).unwrap();
        let cli = self.command(folder.path(), &[(arg.get_id().as_str(), path.clone())].into());
        let mut paths = Paths::default();
        cli.verb.command().paths(&mut paths).unwrap();
        let reads = paths.reads.iter().any(|read| read.path == path) || paths.images.contains(&path);
        let written = paths.writes.iter().find(|write| write.path.starts_with(&path)).map(|write| match &write.names {
            Names::File => PathBuf::new(),
            Names::Like(names) => PathBuf::from(names[0].replace('*', "x")),
            Names::Tree => write.path.strip_prefix(&path).unwrap().join("deep/x"),
            Names::Answers => "model/x.answer".into(),
        });
        (reads, written)
    }
}

/// A recipe that names no existing file, for `train`, whose outputs are named in the recipe.
const RECIPE: &str = r#"
schema = 1
name = "tiny"
network.architecture = { kind = "dc-unet", width = 4 }
data = { images = ["none"], truth = { kind = "rle", csv = "none.csv" } }
loss.map = [{ kind = "bce" }]
optimizer.kind = "adam"
phases = [{ epochs = 1, size = [64, 64], batch = 2, lr = 1e-3 }]
"#;

#[test]
fn every_path_is_known_as_input_or_output() {
    for leaf in leaves() {
        for arg in leaf.args.iter().filter(|arg| holds(arg, TypeId::of::<String>())) {
            let id = arg.get_id().as_str();
            assert!(NOT_PATHS.contains(&id), "`{} {id}`: a text, or a path? make it a PathBuf", leaf.name());
        }
        for arg in leaf.paths() {
            let name = format!("{} {}", leaf.name(), shown(arg));
            // its outputs depend on its recipe
            if name == "train --out" {
                continue;
            }
            let (reads, written) = leaf.role(arg);
            assert!(reads || written.is_some(), "`{name}` is neither read nor written: declare it in `paths`");
            assert!(!reads || written.is_none(), "`{name}` is both read and written");
        }
    }
}

#[test]
fn pictures_are_not_written_where_radiographs_are_searched_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("images/.hidden")).unwrap();
    fs::write(at("images/a.png"), "").unwrap();
    let refused = |write: &dyn Fn(&mut Paths)| {
        let mut paths = Paths::default();
        paths.images("INPUTS", &[at("images")]).unwrap();
        write(&mut paths);
        paths.check().map(drop).map_err(|error| error.to_string())
    };
    for inside in ["images", "images/maps", "images/../images/new/maps"] {
        let message = refused(&|paths| paths.writes_pictures("--maps", &at(inside))).unwrap_err();
        assert!(message.contains("--maps") && message.contains("INPUTS"), "{message}");
    }
    assert!(refused(&|paths| paths.writes("--picture", &at("images/new.png"))).is_err());
    for outside in ["maps", "images-too", "images/.hidden"] {
        assert_eq!(refused(&|paths| paths.writes_pictures("--maps", &at(outside))), Ok(()), "{outside}");
    }
    assert_eq!(refused(&|paths| paths.writes("--out", &at("images/new.csv"))), Ok(()));
}

#[test]
fn a_manifest_s_own_files_are_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let manifest = "schema = 1\nname = \"x\"\n[[segmenter.members]]\nname = \"m\"\nmodel = \"m.onnx\"\n\
                    input = { name = \"image\", size = [8, 8], channels = 1 }\n\
                    map = { output = \"map\", values = \"probabilities\" }\n\
                    [[postprocess]]\nplugin = \"./libmine.so\"\n";
    fs::write(at("e.toml"), manifest).unwrap();
    fs::write(at("weights.bin"), "").unwrap();
    fs::write(at("libmine.so"), "").unwrap();
    let entry =
        |key: &str, value: &str| pleura::onnx::proto::StringStringEntryProto { key: key.into(), value: value.into() };
    let tensor = pleura::onnx::proto::TensorProto {
        external_data: vec![entry("location", "weights.bin")],
        ..Default::default()
    };
    let graph = pleura::onnx::proto::GraphProto { initializer: vec![tensor], ..Default::default() };
    let model = pleura::onnx::proto::ModelProto { graph: Some(graph), ..Default::default() };
    fs::write(at("m.onnx"), prost::Message::encode_to_vec(&model)).unwrap();
    for (out, named) in [("m.onnx", ".model"), ("weights.bin", "weights"), ("libmine.so", "postprocess[0].plugin")] {
        let mut paths = Paths::default();
        paths.reads_ensemble("ENSEMBLE", &at("e.toml"));
        paths.writes("--out", &at(out));
        let message = paths.check().map(drop).unwrap_err().to_string();
        assert!(message.contains("--out") && message.contains(named), "{message}");
    }
}

#[test]
fn what_is_updated_on_purpose_may_be_that_input_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("e.toml"), "").unwrap();
    let check = |input: &'static str| {
        let mut paths = Paths::default();
        paths.reads(input, &at("e.toml"));
        paths.updates("--write", &at("e.toml"), "ENSEMBLE");
        paths.check().is_ok()
    };
    assert!(check("ENSEMBLE"));
    assert!(!check("--truth"));
}
