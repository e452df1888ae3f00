//! Test-time augmentation: a member's views and their inverses.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};

use crate::Size;
use crate::ensemble::error::{ImageError, Step as At};
use crate::plugin::{Plugin, PluginError, Role};

/// One view of a prepared image.
#[derive(Clone)]
pub enum View {
    /// The unchanged image.
    Identity,
    /// A view of a TTA plugin.
    Tta(Arc<Plugin>, usize),
    /// A prepare plugin's image; its maps need no inverse.
    Prepared(Arc<Plugin>),
}

impl fmt::Display for View {
    /// The plugin's name, with the view's number if it has several.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("identity"),
            Self::Tta(plugin, view) if plugin.views() > 1 => write!(f, "{} {}", plugin.name(), view + 1),
            Self::Tta(plugin, _) | Self::Prepared(plugin) => f.write_str(plugin.name()),
        }
    }
}

impl View {
    /// The views of a list of plugins, with the identity first if wanted.
    pub fn list(identity: bool, plugins: &[Arc<Plugin>]) -> Vec<Self> {
        let mut views = if identity { vec![Self::Identity] } else { Vec::new() };
        for plugin in plugins {
            match plugin.role() {
                Role::Tta => views.extend((0..plugin.views()).map(|view| Self::Tta(Arc::clone(plugin), view))),
                _ => views.push(Self::Prepared(Arc::clone(plugin))),
            }
        }
        views
    }

    /// Size of the view of an image of a size.
    pub fn size(&self, size: Size) -> Result<Size, PluginError> {
        match self {
            Self::Tta(plugin, view) => plugin.view_size(*view, size),
            Self::Identity | Self::Prepared(_) => Ok(size),
        }
    }

    /// The view of an image; `None` for the unchanged image.
    pub fn forward(&self, image: ArrayView2<'_, f32>) -> Result<Option<Array2<f32>>, ImageError> {
        let failed = |source| ImageError::plugin(At::Tta, source);
        match self {
            Self::Identity => Ok(None),
            Self::Tta(plugin, view) => plugin.forward(*view, image).map(Some).map_err(failed),
            Self::Prepared(plugin) => plugin.prepare(image).map(Some).map_err(failed),
        }
    }

    /// Brings a map of the view back to the image; `size` is that of the image as the member sees it. The map is one that
    /// was read from an output, whose numbers are finite.
    pub fn inverse(&self, map: Array2<f32>, size: Size) -> Result<Array2<f32>, ImageError> {
        let failed = |source| ImageError::plugin(At::Tta, source);
        let Self::Tta(plugin, view) = self else { return Ok(map) };
        let seen = plugin.view_size(*view, size).map_err(failed)?;
        // A network's map may be smaller than its input; the inverse keeps that fraction.
        let side = |map: usize, image: usize, seen: usize| (map * image + seen / 2) / seen;
        let (height, width) = (side(map.nrows(), size.height, seen.height), side(map.ncols(), size.width, seen.width));
        plugin.inverse_of_finite(*view, map.view(), Size::new(height, width)).map_err(failed)
    }
}
