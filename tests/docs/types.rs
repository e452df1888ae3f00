//! Types and defaults of a JSON Schema, in words and in TOML.

use serde_json::Value;

/// The type of a value, as a table cell: `integer, 1 to 16384`, `array of 2: number`, a link to a definition.
pub fn name(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let definition = reference.rsplit('/').next().unwrap_or(reference);
        return format!("[{definition}](#{})", definition.to_lowercase());
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let choices = choices.iter().filter(|choice| choice["type"] != "null").map(name);
        return choices.collect::<Vec<_>>().join(" or ");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{}`", toml(value))).collect::<Vec<_>>().join(" or ");
    }
    match kind(schema) {
        "array" => array(schema),
        "object" => "table".into(),
        "string" => string(schema),
        kind @ ("integer" | "number") => format!("{kind}{}", range(schema)),
        kind => kind.into(),
    }
}

/// The type's name; of a type or null, the type's.
fn kind(schema: &Value) -> &str {
    let alternatives = schema["type"].as_array().into_iter().flatten();
    let kind = schema["type"].as_str().or_else(|| alternatives.filter_map(Value::as_str).find(|kind| *kind != "null"));
    kind.unwrap_or_else(|| panic!("a type that the reference pages cannot show: {schema}"))
}

fn array(schema: &Value) -> String {
    let count = match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
        (Some(least), Some(most)) if least == most => format!(" of {least}"),
        (Some(least), Some(most)) => format!(" of {least} to {most}"),
        (Some(least), None) => format!(" of {least} or more"),
        (None, Some(most)) => format!(" of up to {most}"),
        (None, None) => String::new(),
    };
    format!("array{count}: {}", name(&schema["items"]))
}

fn string(schema: &Value) -> String {
    match schema["pattern"].as_str() {
        Some(pattern) => format!("string, `{pattern}`"),
        None if schema["minLength"].as_u64().is_some_and(|length| length > 0) => "string, not empty".into(),
        None => "string".into(),
    }
}

fn range(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).map(short);
    match (bound("minimum"), bound("exclusiveMinimum"), bound("maximum")) {
        (Some(low), _, Some(high)) if low == high => format!(", {low}"),
        (Some(low), _, Some(high)) => format!(", {low} to {high}"),
        (_, Some(low), Some(high)) => format!(", above {low}, up to {high}"),
        (Some(low), _, None) => format!(", {low} or more"),
        (_, Some(low), None) => format!(", above {low}"),
        (None, None, Some(high)) => format!(", up to {high}"),
        (None, None, None) => String::new(),
    }
}

/// A bound without a fraction of zero.
fn short(bound: &Value) -> String {
    let text = bound.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A value as TOML has it; null, which TOML lacks, is left out of tables.
pub fn toml(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let entries = map.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<_> = entries.map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            if entries.is_empty() { "{}".into() } else { format!("{{ {} }}", entries.join(", ")) }
        }
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_named() {
        let table = [
            (json!({"$ref": "#/$defs/MapOutput"}), "[MapOutput](#mapoutput)"),
            (json!({"anyOf": [{"$ref": "#/$defs/Gate"}, {"type": "null"}]}), "[Gate](#gate)"),
            (json!({"enum": [4, 8], "type": "integer"}), "`4` or `8`"),
            (json!({"type": ["boolean", "null"]}), "boolean"),
            (json!({"type": "integer", "minimum": 0}), "integer, 0 or more"),
            (json!({"type": "integer", "minimum": 1, "maximum": 1}), "integer, 1"),
            (json!({"type": "number", "minimum": 0.0, "maximum": 1.0}), "number, 0 to 1"),
            (json!({"type": "number", "exclusiveMinimum": 0.0}), "number, above 0"),
            (json!({"type": "number", "exclusiveMinimum": 0.0, "maximum": 0.5}), "number, above 0, up to 0.5"),
            (json!({"type": "string", "minLength": 1}), "string, not empty"),
            (json!({"type": "string", "pattern": "^[0-9]$"}), "string, `^[0-9]$`"),
            (json!({"type": "object", "additionalProperties": true}), "table"),
            (
                json!({"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer", "minimum": 1}}),
                "array of 2: integer, 1 or more",
            ),
            (json!({"type": "array", "minItems": 1, "items": {"type": "string"}}), "array of 1 or more: string"),
            (json!({"type": "array", "maxItems": 3, "items": {"type": "number"}}), "array of up to 3: number"),
        ];
        for (schema, expected) in table {
            assert_eq!(name(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn values_are_toml() {
        let table = [
            (json!({"kind": "mean"}), r#"{ kind = "mean" }"#),
            (json!({"size": null}), "{}"),
            (json!([0.9, 0.999]), "[0.9, 0.999]"),
            (json!(1.0), "1.0"),
            (json!(""), r#""""#),
            (json!(false), "false"),
        ];
        for (value, expected) in table {
            assert_eq!(toml(&value), expected, "{value}");
        }
    }
}
