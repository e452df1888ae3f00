//! The JSON Schema of manifests.

use std::sync::LazyLock;

use super::Manifest;
use crate::lint::Schema;

pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::of::<Manifest>);

/// The JSON Schema (draft 2020-12) of manifests, the content of `ensembles/manifest.schema.json`.
///
/// Editors with TOML support complete and check a manifest whose first line is `#:schema ./manifest.schema.json`.
pub fn json_schema() -> String {
    SCHEMA.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        fn visit(value: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(reference) = map.get("$ref") {
                        assert!(SCHEMA.definition(reference.as_str().unwrap()).is_some(), "{reference}");
                    }
                    map.values().for_each(visit);
                }
                Value::Array(items) => items.iter().for_each(visit),
                _ => {}
            }
        }
        visit(&SCHEMA.root);
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
