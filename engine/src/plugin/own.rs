//! Postprocessing plugins of the embedding program: a closure of Rust's, or an object of Python's, under a name of its own.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use pleura_plugin::abi;
use serde_json::{Map, Value};

use super::call::{Calls, PlaneCall};
use super::{About, Context, Fault, PluginError, Role, Size};
use crate::manifest::{Isolation, Step};

/// A postprocessing plugin that the program itself has; see [`Options::plugin`](crate::ensemble::Options::plugin).
pub trait OwnPlugin: Send + Sync {
    /// Creates an instance with a step's parameters.
    ///
    /// # Errors
    /// If it rejects them; the text says why.
    fn create(&self, params: &Map<String, Value>) -> Result<Box<dyn OwnStep>, String>;

    /// Whether results depend on [`Context::score`], which must then be exact. Default: they may.
    fn uses_score(&self) -> bool {
        true
    }
}

/// An instance of an [`OwnPlugin`]. Calls may come from several threads at once.
pub trait OwnStep: Send + Sync {
    /// Computes the next mask from the map, (height, width) in 0..=1, and the mask so far (`None` for the first step); all
    /// of one size.
    ///
    /// # Errors
    /// What fails the image, in words.
    fn apply(
        &self,
        context: &Context,
        map: ArrayView2<'_, f32>,
        mask: Option<ArrayView2<'_, bool>>,
    ) -> Result<Array2<bool>, String>;
}

/// The program's own plugins, by name.
#[derive(Clone, Default)]
pub struct OwnPlugins(Vec<(String, Arc<dyn OwnPlugin>)>);

/// An instance with what a library's table would say of it.
pub(super) struct Opened {
    pub about: About,
    pub calls: Box<dyn Calls>,
}

impl OwnPlugins {
    /// Adds a plugin, or replaces the one of that name.
    pub fn add(&mut self, name: String, plugin: Arc<dyn OwnPlugin>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, plugin));
    }

    /// A step's plugin, if the program has one of that name.
    ///
    /// # Errors
    /// If the step wants a process or a file for it, or the plugin rejects its parameters.
    pub(super) fn open(&self, step: &Step) -> Result<Option<Opened>, PluginError> {
        let Some((name, plugin)) = self.0.iter().find(|(name, _)| *name == step.plugin) else { return Ok(None) };
        let refused = |message: String| PluginError::Refused { plugin: name.clone(), message };
        if step.isolation == Isolation::Process || step.sha256.is_some() {
            let text = "it is a part of the program that runs the ensemble: leave out `isolation` and `sha256`";
            return Err(refused(text.into()));
        }
        let step = plugin.create(&step.params).map_err(refused)?;
        let about = About {
            name: name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role: Role::Postprocess,
            uses_score: plugin.uses_score(),
            abi: (abi::ABI_MAJOR, abi::ABI_MINOR),
        };
        Ok(Some(Opened { about, calls: Box::new(OwnCalls(step)) }))
    }
}

impl fmt::Debug for OwnPlugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

struct OwnCalls(Box<dyn OwnStep>);

impl Calls for OwnCalls {
    fn views(&self) -> Result<usize, Fault> {
        Err(Fault::Role(Role::Postprocess))
    }

    fn view_size(&self, _: usize, _: Size) -> Result<Size, Fault> {
        Err(Fault::Role(Role::Postprocess))
    }

    fn plane(&self, _: PlaneCall, _: ArrayView2<'_, f32>, _: Size) -> Result<Array2<f32>, Fault> {
        Err(Fault::Role(Role::Postprocess))
    }

    fn postprocess(
        &self,
        context: &Context,
        map: ArrayView2<'_, f32>,
        mask: Option<ArrayView2<'_, bool>>,
    ) -> Result<Array2<bool>, Fault> {
        let (height, width) = map.dim();
        let made = self.0.apply(context, map, mask).map_err(Fault::Said)?;
        if made.dim() == (height, width) {
            return Ok(made);
        }
        let (rows, columns) = made.dim();
        Err(Fault::Said(format!("returned a mask of {rows} x {columns} pixels, expected {height} x {width}")))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::{Origin, Plugin, PluginOptions};
    use super::*;

    struct Above;

    impl OwnPlugin for Above {
        fn create(&self, params: &Map<String, Value>) -> Result<Box<dyn OwnStep>, String> {
            let above = params.get("above").and_then(Value::as_f64).ok_or("expected `above`, a number")?;
            Ok(Box::new(Threshold(above as f32)))
        }

        fn uses_score(&self) -> bool {
            false
        }
    }

    struct Threshold(f32);

    impl OwnStep for Threshold {
        fn apply(
            &self,
            context: &Context,
            map: ArrayView2<'_, f32>,
            _: Option<ArrayView2<'_, bool>>,
        ) -> Result<Array2<bool>, String> {
            match context.image_id.as_str() {
                "small" => Ok(Array2::from_elem((1, 1), true)),
                "bad" => Err("cannot do this one".into()),
                _ => Ok(map.mapv(|probability| probability > self.0)),
            }
        }
    }

    fn open(step: &str) -> Result<Plugin, PluginError> {
        let mut own = OwnPlugins::default();
        own.add("mine".into(), Arc::new(Above));
        let options = PluginOptions { own, ..PluginOptions::default() };
        Plugin::open_with(&toml::from_str(step).unwrap(), "".as_ref(), &options)
    }

    #[test]
    fn a_plugin_of_the_program_is_called_as_any_other() {
        let plugin = open("plugin = \"mine\"\nparams = { above = 0.5 }").unwrap();
        assert_eq!((plugin.name(), plugin.uses_score(), plugin.origin()), ("mine", false, &Origin::Program));
        let map = array![[0.2, 0.7], [0.5, 0.6]];
        let run = |id: &str| plugin.postprocess(&Context::new(id, Size::new(2, 2)), map.view(), None);
        assert_eq!(run("a").unwrap().pixels(), array![[false, true], [false, true]]);
        let told = |id| run(id).unwrap_err().to_string();
        assert!(told("bad").contains("cannot do this one"), "{}", told("bad"));
        assert!(told("small").contains("returned a mask of 1 x 1 pixels, expected 2 x 2"), "{}", told("small"));
    }

    #[test]
    fn what_it_cannot_be_is_refused() {
        let refused = |step| open(step).unwrap_err().to_string();
        assert!(refused("plugin = \"mine\"").contains("expected `above`, a number"));
        let apart = refused("plugin = \"mine\"\nparams = { above = 0.5 }\nisolation = \"process\"");
        assert!(apart.contains("leave out `isolation` and `sha256`"), "{apart}");
    }
}
