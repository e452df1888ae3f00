//! A Rust plugin that panics as its parameter says: when created, or on the image of that name.

use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess, export};

/// Panics on the image `on`.
pub struct Panics {
    on: String,
}

/// `on`: the id of an image, or `create`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    on: String,
}

impl Postprocess for Panics {
    const NAME: &'static str = "panics";
    type Params = Params;

    fn create(Params { on }: Params) -> Result<Self, Error> {
        assert!(on != "create", "told to panic when created");
        Ok(Self { on })
    }

    fn apply(&self, context: &Context, map: Map<'_>, _: Option<Mask<'_>>, mut out: MaskMut<'_>) -> Result<(), Error> {
        assert!(context.image_id != self.on, "told to panic on {}", context.image_id);
        out.iter_mut().zip(map).for_each(|(out, &p)| *out = p > 0.5);
        Ok(())
    }
}

export!(postprocess: Panics);
