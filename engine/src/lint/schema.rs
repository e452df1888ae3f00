//! The JSON Schema of a document, derived from its types: editors complete with it, and the linter checks with it.

use std::fmt;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// A JSON Schema (draft 2020-12). Displayed, it is the text of a schema file.
///
/// A TOML file whose first line is `#:schema NAME.schema.json` is completed and checked by editors that know TOML.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) root: Value,
}

impl Schema {
    /// The schema of a type.
    #[must_use]
    pub fn of<T: JsonSchema>() -> Self {
        let settings = SchemaSettings::draft2020_12();
        let mut root = Value::from(settings.into_generator().into_root_schema_for::<T>());
        name_the_branches(&mut root);
        shorten_the_defaults(&mut root);
        Self { root }
    }

    /// The schema of a type under `$defs`, by its reference.
    pub(crate) fn definition(&self, reference: &str) -> Option<&Value> {
        self.root.get("$defs")?.get(reference.strip_prefix("#/$defs/")?)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.root)
    }
}

/// Gives each `kind` the description of its variant, so that an editor shows it on completion.
fn name_the_branches(schema: &mut Value) {
    if let Some(branches) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        for branch in branches {
            let description = branch.get("description").cloned();
            if let (Some(text), Some(kind)) = (description, branch.pointer_mut("/properties/kind")) {
                kind["description"] = text;
            }
        }
    }
    for (_, definition) in schema.get_mut("$defs").and_then(Value::as_object_mut).into_iter().flatten() {
        name_the_branches(definition);
    }
}

/// Shortens defaults of 32-bit floats: 0.1, not 0.10000000149011612.
fn shorten_the_defaults(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            for (key, value) in keys {
                if key == "default" { shorten(value) } else { shorten_the_defaults(value) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten_the_defaults),
        _ => {}
    }
}

fn shorten(value: &mut Value) {
    match value {
        Value::Object(keys) => keys.values_mut().for_each(shorten),
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Number(number) if number.is_f64() => {
            let short = number.as_f64().map(|it| it as f32).filter(|it| Some(f64::from(*it)) == number.as_f64());
            if let Some(short) = short.and_then(|it| it.to_string().parse::<f64>().ok()) {
                *value = short.into();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_are_written_short() {
        let mut schema =
            json!({ "properties": { "a": { "default": [0.1_f32, 1e-8_f32, 1.0, 3, "x"] } }, "minimum": 0.1_f32 });
        shorten_the_defaults(&mut schema);
        assert_eq!(
            schema,
            json!({ "properties": { "a": { "default": [0.1, 1e-8, 1.0, 3, "x"] } }, "minimum": 0.1_f32 })
        );
    }
}
