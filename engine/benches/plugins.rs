//! Each stock plugin on one radiograph of 1024², called as the engine calls it: through its library's C table.

use std::ffi::c_void;
use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, criterion_group, criterion_main};
use libloading::{Library, Symbol};
use ndarray::Array2;
use pleura_plugin::Size;
use pleura_plugin::abi::{Context, Host, OK, Plane, PlaneMut, SYMBOL, Str, Table};
use serde_json::{Value, json};

const SIZE: Size = Size::new(1024, 1024);
const HOST: Host = Host { sink: std::ptr::null_mut(), error: complain };

/// A plugin with its parameters; neither is ever freed, because the process ends with the bench.
struct Plugin {
    table: &'static Table,
    this: *const c_void,
}

impl Plugin {
    fn new(name: &str, params: &Value) -> Self {
        let library = Box::leak(Box::new(open(name)));
        let params = params.to_string();
        // SAFETY: the library is a stock plugin, whose symbol is of this type, and `params` outlives the call.
        unsafe {
            let symbol: Symbol<extern "C" fn() -> *const Table> = library.get(SYMBOL).expect("a plugin has the symbol");
            let table = &*symbol();
            let this = table.create.expect("every plugin has `create`")(Str::new(&params), &HOST);
            assert!(!this.is_null(), "the parameters are good");
            Self { table, this }
        }
    }
}

/// Cargo puts the plugins that the engine's benches depend on beside them, or one folder above.
fn open(name: &str) -> Library {
    let file = libloading::library_filename(format!("plugin_{}", name.replace('-', "_")));
    let bench = std::env::current_exe().expect("a bench has a path");
    let paths: Vec<PathBuf> = bench.ancestors().skip(1).take(2).map(|folder| folder.join(&file)).collect();
    let path = paths.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("none of {paths:?} is there"));
    // SAFETY: a stock plugin does nothing when it is loaded.
    unsafe { Library::new(path) }.expect("the plugin loads")
}

unsafe extern "C" fn complain(_: *mut c_void, message: Str) {
    // SAFETY: the plugin keeps the message alive during the call.
    eprintln!("{}", unsafe { message.to_text() });
}

fn read(image: &Array2<f32>) -> Plane {
    Plane { data: image.as_ptr(), height: image.nrows(), width: image.ncols() }
}

fn write(image: &mut Array2<f32>) -> PlaneMut {
    PlaneMut { data: image.as_mut_ptr(), height: image.nrows(), width: image.ncols() }
}

/// Two soft crescents, one of them speckled: a map like a network's, a few percent of it marked.
fn map() -> Array2<f32> {
    Array2::from_shape_fn(SIZE, |(row, column)| {
        let distance = |y: f32, x: f32| ((row as f32 - y).powi(2) + (column as f32 - x).powi(2)).sqrt();
        let rim = |y: f32, x: f32, radius: f32| (-(distance(y, x) - radius).powi(2) / 200.0).exp();
        let speckle = if (row * 31 + column * 17) % 101 == 0 { 0.2 } else { 1.0 };
        (rim(400.0, 300.0, 180.0) * speckle).max(rim(450.0, 750.0, 160.0))
    })
}

/// Grey values that use the whole scale.
fn image() -> Array2<f32> {
    Array2::from_shape_fn(SIZE, |(row, column)| ((row * 3 + column * 5 + row * column / 64) % 256) as f32 / 255.0)
}

fn prepare(criterion: &mut Criterion, name: &str, params: &Value) {
    let plugin = Plugin::new(name, params);
    let call = plugin.table.prepare.expect("a `prepare` plugin");
    let (image, mut out) = (image(), Array2::zeros(SIZE));
    criterion.bench_function(&format!("prepare/{name}"), |bencher| {
        // SAFETY: the planes are dense, of one size, and outlive the call.
        bencher.iter(|| unsafe { assert_eq!(call(plugin.this, black_box(read(&image)), write(&mut out), &HOST), OK) });
    });
}

fn tta(criterion: &mut Criterion, name: &str, case: &str, params: &Value) {
    let plugin = Plugin::new(name, params);
    let (forward, inverse) = (plugin.table.forward.expect("TTA"), plugin.table.inverse.expect("TTA"));
    let Size { mut height, mut width } = SIZE;
    let size = plugin.table.view_size.expect("TTA");
    // SAFETY: `height` and `width` are variables of this function.
    assert_eq!(unsafe { size(plugin.this, 0, &mut height, &mut width, &HOST) }, OK);
    let (image, mut view, mut back) = (image(), Array2::zeros((height, width)), Array2::zeros(SIZE));
    criterion.bench_function(&format!("tta/{name}/{case}/forward"), |bencher| {
        // SAFETY: the planes are dense, of the sizes agreed on, and outlive the call.
        bencher.iter(|| unsafe { assert_eq!(forward(plugin.this, 0, read(&image), write(&mut view), &HOST), OK) });
    });
    criterion.bench_function(&format!("tta/{name}/{case}/inverse"), |bencher| {
        // SAFETY: as above.
        bencher.iter(|| unsafe { assert_eq!(inverse(plugin.this, 0, read(&view), write(&mut back), &HOST), OK) });
    });
}

fn postprocess(criterion: &mut Criterion, name: &str, params: &Value) {
    let plugin = Plugin::new(name, params);
    let call = plugin.table.postprocess.expect("a `postprocess` plugin");
    let context = context();
    let map = map();
    let mask = map.mapv(|p| u8::from(p > 0.3));
    let mut out = Array2::<u8>::zeros(SIZE);
    criterion.bench_function(&format!("postprocess/{name}"), |bencher| {
        bencher.iter(|| {
            out.fill(0);
            // SAFETY: map and masks are dense, of one size, hold 0 and 1, and outlive the call, as the context does.
            let answer = unsafe { call(plugin.this, &context, read(&map), mask.as_ptr(), out.as_mut_ptr(), &HOST) };
            assert_eq!(answer, OK);
        });
    });
}

fn context() -> Context {
    Context {
        struct_size: size_of::<Context>() as u32,
        image_id: Str::new("bench"),
        original_height: SIZE.height,
        original_width: SIZE.width,
        score_low: 0.0,
        score_high: 1.0,
        spacing_row: 0.0,
        spacing_column: 0.0,
    }
}

fn bench(criterion: &mut Criterion) {
    prepare(criterion, "clahe", &json!({}));
    prepare(criterion, "gamma", &json!({ "gamma": 0.8 }));
    tta(criterion, "flip", "horizontal", &json!({ "axis": "horizontal" }));
    tta(criterion, "flip", "vertical", &json!({ "axis": "vertical" }));
    tta(criterion, "rotate", "quarter", &json!({ "degrees": [90] }));
    tta(criterion, "rotate", "20", &json!({ "degrees": [20] }));
    tta(criterion, "scale", "1.333", &json!({ "factors": [1.333] }));
    tta(criterion, "scale", "0.75", &json!({ "factors": [0.75] }));
    postprocess(criterion, "threshold", &json!({ "above": 0.3 }));
    postprocess(criterion, "min-area", &json!({ "area": 500, "at": SIZE, "per_component": true }));
    let triplet = json!({ "top": 0.75, "area": 1500, "at": SIZE, "bottom": 0.3, "contour_min_area": 100 });
    postprocess(criterion, "triplet", &triplet);
    postprocess(criterion, "fill-holes", &json!({}));
    postprocess(criterion, "component-mean", &json!({ "above": 0.35 }));
    postprocess(criterion, "dilate", &json!({ "radius": 2 }));
    postprocess(criterion, "convex-hull", &json!({}));
}

criterion_group!(benches, bench);
criterion_main!(benches);
