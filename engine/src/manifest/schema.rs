//! The JSON Schema of manifests, derived from the types: editors complete with it, and the linter checks with it.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Manifest;

/// The schema, as the linter reads it.
pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<Manifest>());
    name_the_branches(&mut schema);
    schema
});

/// The JSON Schema (draft 2020-12) of manifests, as `ensembles/manifest.schema.json` holds it.
///
/// A manifest whose first line is `#:schema ./manifest.schema.json` is completed and checked by editors that know TOML.
pub fn json_schema() -> String {
    let mut text = format!("{:#}", *SCHEMA);
    text.push('\n');
    text
}

/// The schema of a type under `$defs`, by its name.
pub(super) fn definition(reference: &str) -> Option<&'static Value> {
    SCHEMA.get("$defs")?.get(reference.strip_prefix("#/$defs/")?)
}

/// Gives each `kind` the description of its variant, so that an editor tells what it is about to insert.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ensembles/manifest.schema.json");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../ensembles")).unwrap();
            std::fs::write(path, json_schema()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == json_schema(),
            "ensembles/manifest.schema.json is not what the types say: run `UPDATE=1 cargo test -p pleura schema`"
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn visit(value: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(reference) = map.get("$ref") {
                        assert!(definition(reference.as_str().unwrap()).is_some(), "{reference}");
                    }
                    map.values().for_each(visit);
                }
                Value::Array(items) => items.iter().for_each(visit),
                _ => {}
            }
        }
        visit(&SCHEMA);
    }
}
