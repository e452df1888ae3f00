//! plugin (temporary)
#![allow(missing_docs, clippy::all)]
use crate::Mask;
use ndarray::*;
use pleura_plugin::abi::{self, *};
use std::ffi::c_void;
use std::path::Path;
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Prepare,
    Tta,
    Postprocess,
}
impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prepare => "prepare",
            Self::Tta => "tta",
            Self::Postprocess => "postprocess",
        })
    }
}
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PluginError(String);
impl PluginError {
    pub fn is_refusal(&self) -> bool {
        false
    }
}
pub struct Plugin {
    table: &'static Table,
    this: *mut c_void,
}
unsafe impl Send for Plugin {}
unsafe impl Sync for Plugin {}
unsafe extern "C" fn err(sink: *mut c_void, m: Str) {
    unsafe {
        *sink.cast::<String>() = m.to_text();
    }
}
impl Plugin {
    fn call(&self, f: impl FnOnce(*const Host) -> u32) -> Result<(), PluginError> {
        let mut text = String::new();
        let host = Host { sink: (&raw mut text).cast(), error: err };
        if f(&host) == OK { Ok(()) } else { Err(PluginError(format!("{}: {}", self.name(), text))) }
    }
    pub fn open(step: &crate::manifest::Step, _: &Path) -> Result<Self, PluginError> {
        let name = format!("libplugin_{}.so", step.plugin.replace('-', "_"));
        let exe = std::env::current_exe().unwrap();
        let dir = exe.parent().unwrap();
        let lib = [dir.join(&name), dir.join("deps").join(&name)]
            .into_iter()
            .find(|p| p.exists())
            .ok_or_else(|| PluginError(format!("no {name}")))?;
        unsafe {
            let lib = libloading::Library::new(lib).map_err(|e| PluginError(e.to_string()))?;
            let f: libloading::Symbol<unsafe extern "C" fn() -> *const Table> =
                lib.get(b"pleura_plugin").map_err(|e| PluginError(e.to_string()))?;
            let table = &*f();
            std::mem::forget(lib);
            let mut text = String::new();
            let host = Host { sink: (&raw mut text).cast(), error: err };
            let params = serde_json::to_string(&step.params).unwrap();
            let this = table.create.unwrap()(Str::new(&params), &host);
            if this.is_null() {
                return Err(PluginError(text));
            }
            Ok(Self { table, this })
        }
    }
    pub fn role(&self) -> Role {
        match self.table.capabilities & 7 {
            1 => Role::Prepare,
            2 => Role::Tta,
            _ => Role::Postprocess,
        }
    }
    pub fn name(&self) -> &str {
        unsafe {
            std::str::from_utf8(std::slice::from_raw_parts(self.table.name.data.cast(), self.table.name.len)).unwrap()
        }
    }
    pub fn version(&self) -> &str {
        ""
    }
    pub fn uses_score(&self) -> bool {
        self.table.capabilities & USES_SCORE != 0
    }
    pub fn views(&self) -> Result<usize, PluginError> {
        Ok(unsafe { self.table.views.unwrap()(self.this) })
    }
    pub fn view_size(&self, v: usize, s: (usize, usize)) -> Result<(usize, usize), PluginError> {
        let (mut h, mut w) = s;
        self.call(|host| unsafe { self.table.view_size.unwrap()(self.this, v, &mut h, &mut w, host) })?;
        Ok((h, w))
    }
    pub fn prepare(&self, i: ArrayView2<'_, f32>) -> Result<Array2<f32>, PluginError> {
        let mut o = Array2::zeros(i.dim());
        self.call(|host| unsafe { self.table.prepare.unwrap()(self.this, p(&i), pm(&mut o), host) })?;
        Ok(o)
    }
    pub fn forward(&self, v: usize, i: ArrayView2<'_, f32>) -> Result<Array2<f32>, PluginError> {
        let mut o = Array2::zeros(self.view_size(v, i.dim())?);
        self.call(|host| unsafe { self.table.forward.unwrap()(self.this, v, p(&i), pm(&mut o), host) })?;
        Ok(o)
    }
    pub fn inverse(&self, v: usize, i: ArrayView2<'_, f32>, s: (usize, usize)) -> Result<Array2<f32>, PluginError> {
        let mut o = Array2::zeros(s);
        self.call(|host| unsafe { self.table.inverse.unwrap()(self.this, v, p(&i), pm(&mut o), host) })?;
        Ok(o)
    }
    pub fn postprocess(
        &self,
        c: &pleura_plugin::Context,
        i: ArrayView2<'_, f32>,
        m: Option<&Mask>,
    ) -> Result<Mask, PluginError> {
        let mut o = Array2::from_elem(i.dim(), false);
        let c = abi::Context {
            struct_size: 0,
            image_id: Str::new(&c.image_id),
            original_height: 0,
            original_width: 0,
            score_low: c.score.0,
            score_high: c.score.1,
            spacing_row: 0.0,
            spacing_column: 0.0,
        };
        let mm = m.map(|m| m.pixels().to_owned());
        let mp = mm.as_ref().map_or(std::ptr::null(), |m| m.as_ptr().cast());
        self.call(|host| unsafe {
            self.table.postprocess.unwrap()(self.this, &c, p(&i), mp, o.as_mut_ptr().cast(), host)
        })?;
        Ok(o.into())
    }
}
fn p(a: &ArrayView2<'_, f32>) -> Plane {
    Plane { data: a.as_ptr(), height: a.nrows(), width: a.ncols() }
}
fn pm(a: &mut Array2<f32>) -> PlaneMut {
    PlaneMut { data: a.as_mut_ptr(), height: a.nrows(), width: a.ncols() }
}
