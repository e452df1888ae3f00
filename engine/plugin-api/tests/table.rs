//! The exported table, called as the host calls it.

use std::ffi::c_void;
use std::ptr::null;

use pleura_plugin::abi::{self, Host, OK, Plane, PlaneMut, Str, Table};
use pleura_plugin::{
    Context, Error, Image, ImageMut, Map, MapMut, Mask, MaskMut, Postprocess, PostprocessTable, Prepare, PrepareTable,
    Size, Tta, TtaTable,
};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    level: f32,
}

/// Marks what is above the level, and keeps what is already marked.
struct Above(f32);

impl Postprocess for Above {
    const NAME: &'static str = "above";
    const USES_SCORE: bool = true;
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        if params.level.is_finite() { Ok(Self(params.level)) } else { Err("`level` must be finite".into()) }
    }

    fn apply(
        &self,
        context: &Context,
        map: Map<'_>,
        mask: Option<Mask<'_>>,
        mut out: MaskMut<'_>,
    ) -> Result<(), Error> {
        if context.score.1 < 0.5 {
            return Err("the score is too low".into());
        }
        assert!(context.image_id != "panic", "image {}", context.image_id);
        if let Some(mask) = mask {
            out.assign(&mask);
        }
        ndarray::Zip::from(&mut out).and(map).for_each(|out, &p| *out |= p > self.0);
        Ok(())
    }
}

/// Inverts the image.
struct Negative;

impl Prepare for Negative {
    const NAME: &'static str = "negative";
    type Params = serde_json::Map<String, serde_json::Value>;

    fn create(_: Self::Params) -> Result<Self, Error> {
        Ok(Self)
    }

    fn apply(&self, image: Image<'_>, mut out: ImageMut<'_>) -> Result<(), Error> {
        out.assign(&image.mapv(|p| 1.0 - p));
        Ok(())
    }
}

/// Transposes; its `views` panics.
struct Transpose;

impl Tta for Transpose {
    const NAME: &'static str = "transpose";
    type Params = serde_json::Map<String, serde_json::Value>;

    fn create(_: Self::Params) -> Result<Self, Error> {
        Ok(Self)
    }

    fn views(&self) -> usize {
        panic!("no views today")
    }

    fn view_size(&self, _: usize, Size { height, width }: Size) -> Size {
        Size::new(width, height)
    }

    fn forward(&self, _: usize, image: Image<'_>, mut out: ImageMut<'_>) -> Result<(), Error> {
        out.assign(&image.t());
        Ok(())
    }

    fn inverse(&self, _: usize, map: Map<'_>, mut out: MapMut<'_>) -> Result<(), Error> {
        out.assign(&map.t());
        Ok(())
    }
}

unsafe extern "C" fn note(sink: *mut c_void, message: Str) {
    // SAFETY: the sink is the string of `with_host`, and the message is valid.
    unsafe { *sink.cast::<String>() = message.to_text() };
}

/// Makes a call with a host; returns its result and the reported error.
fn with_host<T>(call: impl FnOnce(&Host) -> T) -> (T, String) {
    let mut said = String::new();
    let host = Host { sink: (&raw mut said).cast(), error: note };
    let value = call(&host);
    (value, said)
}

fn create(table: &Table, params: &str) -> Result<*mut c_void, String> {
    let new = table.create.unwrap();
    // SAFETY: text and host are alive during the call.
    let (this, said) = with_host(|host| unsafe { new(Str::new(params), host) });
    if this.is_null() { Err(said) } else { Ok(this) }
}

fn destroy(table: &Table, this: *mut c_void) {
    // SAFETY: `this` came from `create`, and is not used again.
    unsafe { table.destroy.unwrap()(this) }
}

fn context(image_id: &str, score: f32) -> abi::Context {
    abi::Context {
        struct_size: size_of::<abi::Context>() as u32,
        image_id: Str::new(image_id),
        original_height: 2,
        original_width: 2,
        score_low: score,
        score_high: score,
        spacing_row: 0.0,
        spacing_column: 0.0,
    }
}

fn plane(data: &[f32], height: usize, width: usize) -> Plane {
    assert_eq!(data.len(), height * width);
    Plane { data: data.as_ptr(), height, width }
}

#[test]
fn the_table_states_name_version_role_and_the_calls_of_that_role() {
    let table = Above::table("1.2.3");
    assert_eq!((table.struct_size as usize, table.abi_major), (size_of::<Table>(), abi::ABI_MAJOR));
    assert_eq!(table.capabilities, abi::POSTPROCESS | abi::USES_SCORE);
    // SAFETY: both texts are static.
    assert_eq!(unsafe { (table.name.to_text(), table.version.to_text()) }, ("above".into(), "1.2.3".into()));
    assert!(table.postprocess.is_some() && table.prepare.is_none() && table.views.is_none());
    assert!(Transpose::table("0").views.is_some() && Transpose::table("0").postprocess.is_none());
}

#[test]
fn parameters_are_checked_and_refusals_say_why() {
    let table = Above::table("1");
    assert_eq!(create(&table, r#"{"levl": 1}"#).unwrap_err(), "unknown field `levl`, expected `level`");
    assert_eq!(create(&table, "{}").unwrap_err(), "missing field `level`");
    assert!(create(&table, r#"{"level": "high"}"#).unwrap_err().starts_with("invalid type: string \"high\""));
    // with `float_roundtrip`, which another crate of the build may enable, serde_json refuses it before the plugin does
    let parses = serde_json::from_str::<f32>("1e60").is_ok();
    let expected = if parses { "`level` must be finite" } else { "number out of range" };
    assert_eq!(create(&table, r#"{"level": 1e60}"#).unwrap_err(), expected);
    destroy(&table, create(&table, r#"{"level": 0.5}"#).unwrap());
}

#[test]
fn postprocessing_adds_to_the_mask_so_far_and_reports_errors_and_panics() {
    let table = Above::table("1");
    let this = create(&table, r#"{"level": 0.5}"#).unwrap();
    let map = [0.1, 0.9, 0.4, 0.6];
    let apply = |context: &abi::Context, mask: *const u8| {
        let mut out = [0_u8; 4];
        let call = table.postprocess.unwrap();
        // SAFETY: all pointers are valid, and map and masks have 2 x 2 pixels.
        let (status, said) =
            with_host(|host| unsafe { call(this, context, plane(&map, 2, 2), mask, out.as_mut_ptr(), host) });
        (status, out, said)
    };
    assert_eq!(apply(&context("a", 1.0), null()), (OK, [0, 1, 0, 1], String::new()));
    assert_eq!(apply(&context("a", 1.0), [1, 0, 0, 0].as_ptr()), (OK, [1, 1, 0, 1], String::new()));
    assert_eq!(apply(&context("a", 0.1), null()), (0, [0; 4], "the score is too low".into()));
    assert_eq!(apply(&context("panic", 1.0), null()), (0, [0; 4], "panicked: image panic".into()));
    destroy(&table, this);
}

#[test]
fn planes_keep_their_shape_on_the_way_through() {
    let (image, mut out) = ([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], [f32::NAN; 6]);
    let table = Negative::table("1");
    let this = create(&table, "{}").unwrap();
    let to = PlaneMut { data: out.as_mut_ptr(), height: 2, width: 3 };
    // SAFETY: instance, planes and host are alive during the call.
    let (status, _) = with_host(|host| unsafe { table.prepare.unwrap()(this, plane(&image, 2, 3), to, host) });
    assert_eq!((status, out), (OK, image.map(|p| 1.0 - p)));
    destroy(&table, this);

    let table = Transpose::table("1");
    let this = create(&table, "{}").unwrap();
    let (mut height, mut width) = (2, 3);
    // SAFETY: as above.
    let (status, _) = with_host(|host| unsafe { table.view_size.unwrap()(this, 0, &mut height, &mut width, host) });
    assert_eq!((status, height, width), (OK, 3, 2));
    let to = PlaneMut { data: out.as_mut_ptr(), height, width };
    // SAFETY: as above.
    let (status, _) = with_host(|host| unsafe { table.forward.unwrap()(this, 0, plane(&image, 2, 3), to, host) });
    assert_eq!((status, out), (OK, [0.0, 0.3, 0.1, 0.4, 0.2, 0.5]));
    // SAFETY: as above.
    assert_eq!(unsafe { table.views.unwrap()(this) }, 0, "a panic has no views");
    destroy(&table, this);
}

#[test]
fn text_that_is_not_utf8_or_not_there_is_still_text() {
    // SAFETY: the bytes are alive; null is allowed.
    unsafe {
        assert_eq!(Str { data: b"a\xFF".as_ptr().cast(), len: 2 }.to_text(), "a\u{FFFD}");
        assert_eq!(Str { data: null(), len: 7 }.to_text(), "");
    }
}
