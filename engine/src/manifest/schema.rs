//! The JSON Schema of manifests.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Manifest;
use crate::lint::Schema;

/// Of a manifest that is written out.
pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::of::<Manifest>);

/// The tables of which a part may stand elsewhere: in defaults, or in the manifest that is extended.
const IN_PARTS: [&str; 6] = ["Member", "Input", "MapOutput", "ScoreOutput", "Stage", "Crop"];

/// The JSON Schema (draft 2020-12) of manifests, the content of `ensembles/manifest.schema.json`.
///
/// Editors with TOML support complete and check a manifest whose first line is `#:schema ./manifest.schema.json`. Keys
/// that must be given, but not necessarily in that table, are under `x-required`.
pub fn json_schema() -> String {
    as_written(&SCHEMA).to_string()
}

/// Adds what [`compose`](super::compose) writes out.
fn as_written(schema: &Schema) -> Schema {
    let mut root = schema.root.clone();
    root["properties"]["extends"] = json!({
        "description": "Another manifest, relative to this one, of which this one is a change: tables are joined, and \
                        members of one name; all else that is written here replaces what is there. Paths there are \
                        relative to it.",
        "type": ["string", "null"],
        "default": null,
    });
    for stage in ["Stage", "Crop"] {
        root["$defs"][stage]["properties"]["defaults"] = json!({
            "description": "What the members have in common: each has what it does not say itself. Tables are joined.",
            "$ref": "#/$defs/Member",
        });
    }
    may_stand_elsewhere(&mut root);
    for table in IN_PARTS {
        may_stand_elsewhere(&mut root["$defs"][table]);
    }
    Schema { root }
}

fn may_stand_elsewhere(table: &mut Value) {
    if let Some(keys) = table.as_object_mut()
        && let Some(required) = keys.remove("required")
    {
        keys.insert("x-required".into(), required);
    }
}
#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        fn visit(schema: &Schema, value: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(reference) = map.get("$ref") {
                        assert!(schema.definition(reference.as_str().unwrap()).is_some(), "{reference}");
                    }
                    map.values().for_each(|value| visit(schema, value));
                }
                Value::Array(items) => items.iter().for_each(|value| visit(schema, value)),
                _ => {}
            }
        }
        let schema = as_written(&SCHEMA);
        visit(&schema, &schema.root);
    }

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
}
