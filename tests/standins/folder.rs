//! An ensemble in a folder of its own, with phantoms for data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use pleura::Mask;
use pleura::manifest;
use pleura::submission::Submission;
use pleura_demo::{Encoding, Phantom};
use pleura_train::recipe::stack::is_stack;
use tempfile::TempDir;
use toml::Table;

use crate::shorten::{FOLDS, shorten, shorten_manifest, starts_from_another};
use crate::{IMAGES, SIZE};

/// The height and width of phantoms.
const SIDE: usize = 128;

/// An ensemble's folder in a folder of its own, with `data` beside it as the recipes expect it.
pub struct Standin {
    root: TempDir,
    name: &'static str,
}

impl Standin {
    /// The shipped manifest and recipes, and phantoms in place of radiographs.
    pub fn new(name: &'static str) -> Self {
        let standin = Self { root: tempfile::tempdir().unwrap(), name };
        fs::create_dir_all(standin.path("recipes")).unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles").join(name);
        let manifest = manifest::written_out(&shipped.join("ensemble.toml")).unwrap_or_else(|e| panic!("{e}"));
        fs::write(standin.manifest(), manifest.text).unwrap();
        for entry in fs::read_dir(shipped.join("recipes")).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, standin.path("recipes").join(from.file_name().unwrap())).unwrap();
        }
        standin.draw("train", 17, 8, SIDE);
        standin.draw("chexpert-pseudo", 18, 4, SIDE);
        standin.join("train-rle.csv", "chexpert-pseudo-rle.csv", "train-and-chexpert-rle.csv");
        standin.draw("test", 19, IMAGES / 2, SIZE.height);
        standin
    }

    /// A path in the ensemble's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(self.name).join(name)
    }

    /// A path in the folder of data.
    pub fn data(&self, name: &str) -> PathBuf {
        self.root.path().join("data").join(name)
    }

    /// The ensemble's manifest.
    pub fn manifest(&self) -> PathBuf {
        self.path("ensemble.toml")
    }

    /// Draws as many positives as negatives into `data/NAME`, and writes their truth at `side` × `side`.
    fn draw(&self, name: &str, seed: u64, each: usize, side: usize) {
        fs::create_dir_all(self.data(name)).unwrap();
        let mut truth = Submission::any_size();
        let mut left = [each; 2];
        for number in 0.. {
            let phantom = Phantom::new(seed, number, SIDE);
            let kind = usize::from(phantom.truth.is_empty());
            if left == [0, 0] {
                break;
            } else if left[kind] == 0 {
                continue;
            }
            left[kind] -= 1;
            let file = self.data(name).join(format!("{}.dcm", phantom.uid));
            phantom.write(&file, Encoding::new(number)).unwrap();
            let pixels = phantom.truth.pixels();
            let scale = side / SIDE;
            let enlarged = Array2::from_shape_fn((side, side), |(y, x)| pixels[[y / scale, x / scale]]);
            truth.insert(phantom.uid, &Mask::from(enlarged)).unwrap();
        }
        truth.write(self.data(&format!("{name}-rle.csv"))).unwrap();
    }

    /// Appends the rows of one CSV to those of another.
    fn join(&self, first: &str, second: &str, to: &str) {
        let mut text = fs::read_to_string(self.data(first)).unwrap();
        text.extend(fs::read_to_string(self.data(second)).unwrap().split_inclusive('\n').skip(1));
        fs::write(self.data(to), text).unwrap();
    }

    /// Shortens recipes and manifest, and assigns the [`FOLDS`] folds that the recipes name.
    pub fn shorten(&self) {
        for (path, mut recipe) in self.recipes() {
            if !is_stack(&path) {
                shorten(&mut recipe);
                self.deal(path.with_file_name(recipe["folds"]["csv"].as_str().unwrap()), &recipe);
                fs::write(&path, recipe.to_string()).unwrap();
            }
        }
        let recipes: BTreeMap<PathBuf, Table> = self.recipes().into_iter().collect();
        self.rewrite("ensemble.toml", |manifest| {
            shorten_manifest(manifest, |recipe| &recipes[&self.path(recipe)]);
        });
    }

    /// Splits a recipe's images as the ensembles' index describes.
    fn deal(&self, folds: PathBuf, recipe: &Table) {
        if folds.exists() {
            return;
        }
        if folds.ends_with("folds-5-chexpert.csv") {
            return self.deal_beside(&folds);
        }
        let truth = self.path("recipes").join(recipe["data"]["truth"]["csv"].as_str().unwrap());
        let (side, count) = (format!("{SIDE}x{SIDE}"), FOLDS.to_string());
        let mut split = crate::support::pleura();
        split.args(["data", "split"]).arg(truth).args(["--size", &side, "--folds", &count, "--out"]).arg(folds);
        split.assert().success();
    }

    /// Splits images of CheXpert beside the competition's, as the 2nd's page describes.
    fn deal_beside(&self, folds: &Path) {
        let pseudo = fs::read_to_string(self.data("chexpert-pseudo-rle.csv")).unwrap();
        let mut text = fs::read_to_string(self.data("folds-5.csv")).unwrap();
        for (number, row) in pseudo.lines().skip(1).enumerate() {
            text += &format!("{},{}\n", row.split_once(',').unwrap().0, number % FOLDS as usize);
        }
        fs::write(folds, text).unwrap();
    }

    /// Recipes by path, in an order in which those that others start or learn from come first.
    fn recipes(&self) -> Vec<(PathBuf, Table)> {
        let paths = fs::read_dir(self.path("recipes")).unwrap().map(|entry| entry.unwrap().path());
        let mut recipes: Vec<_> = paths.map(|path| (path.clone(), read(&path))).collect();
        recipes.sort_by_key(|(path, recipe)| (is_stack(path), starts_from_another(recipe), path.clone()));
        recipes
    }

    /// The recipes in the order of training, each with the folder of its networks.
    pub fn trainings(&self) -> Vec<(PathBuf, PathBuf)> {
        let recipes = self.recipes().into_iter();
        recipes.map(|(path, recipe)| (path, self.path("models").join(recipe["name"].as_str().unwrap()))).collect()
    }

    /// Writes a changed manifest beside the ensemble's.
    pub fn rewrite(&self, name: &str, change: impl FnOnce(&mut Table)) -> PathBuf {
        let mut manifest = read(&self.manifest());
        change(&mut manifest);
        fs::write(self.path(name), manifest.to_string()).unwrap();
        self.path(name)
    }
}

/// A TOML file.
pub fn read(path: &Path) -> Table {
    fs::read_to_string(path).unwrap().parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
