//! Renders a JSON Schema as a page of Markdown: a section per definition, a table row per key or value.

use serde_json::Value;

use super::types;

/// The page of the schema in the file `source`; `about` is the paragraph under the title.
pub fn page(title: &str, about: &str, source: &str, schema: &Value) -> String {
    let note = format!("Generated from `ensembles/{source}` by `UPDATE=1 cargo test --test docs`.");
    let mut page = format!("# {title}\n\n{about}\n\n{note}\n\n## Top level\n\n{}", section("", schema));
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        page += &format!("\n## {name}\n\n{}", section(name, definition));
    }
    page
}

/// A definition: its description, and its keys, its values or its variants.
fn section(name: &str, definition: &Value) -> String {
    let about = paragraph(definition);
    let content = match definition["oneOf"].as_array() {
        Some(choices) if choices.iter().all(|choice| choice.get("const").is_some()) => values(choices),
        Some(variants) => variants.iter().map(|it| variant(name, it)).collect::<Vec<_>>().join("\n"),
        None => keys(definition),
    };
    [about, content].iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// The values of an enumeration.
fn values(choices: &[Value]) -> String {
    let rows = choices.iter().map(|choice| format!("| `{}` | {} |\n", types::toml(&choice["const"]), cell(choice)));
    format!("| value | meaning |\n|---|---|\n{}", rows.collect::<String>())
}

/// A variant of a table that its `kind` selects.
fn variant(name: &str, variant: &Value) -> String {
    let kind = variant["properties"]["kind"]["const"].as_str();
    let kind = kind.unwrap_or_else(|| panic!("a variant without a `kind` in {name}: {variant}"));
    let keys = keys(variant);
    let keys = if keys.is_empty() { "No further keys.\n".to_owned() } else { keys };
    format!("### {name} `{kind}`\n\n`kind = \"{kind}\"`: {}\n{keys}", paragraph(variant))
}

/// The keys of a table, required ones first; those that select a variant are in its heading.
fn keys(table: &Value) -> String {
    let Some(properties) = table["properties"].as_object() else { return String::new() };
    // what may be required elsewhere: by another table that this one is joined with
    let required = ["required", "x-required"].into_iter().filter_map(|keys| table[keys].as_array());
    let required: Vec<&Value> = required.flatten().collect();
    let is_required = |key: &str| required.iter().any(|it| *it == key);
    let shown = || properties.iter().filter(|(_, schema)| schema.get("const").is_none());
    let (required, optional): (Vec<_>, Vec<_>) = shown().partition(|(key, _)| is_required(key));
    if required.is_empty() && optional.is_empty() {
        return String::new();
    }
    let required = required.into_iter().map(|(key, schema)| row(key, schema, "required"));
    let optional = optional.into_iter().map(|(key, schema)| row(key, schema, &default(schema)));
    format!(
        "| key | type | default | description |\n|---|---|---|---|\n{}",
        required.chain(optional).collect::<String>()
    )
}

fn row(key: &str, schema: &Value, default: &str) -> String {
    format!("| `{key}` | {} | {default} | {} |\n", types::name(schema), cell(schema))
}

/// An optional key's default; a key without one may be left out.
fn default(schema: &Value) -> String {
    match schema.get("default") {
        None | Some(Value::Null) => "none".into(),
        Some(value) => format!("`{}`", types::toml(value)),
    }
}

/// A description as a paragraph, in its own lines.
fn paragraph(schema: &Value) -> String {
    schema["description"].as_str().map_or(String::new(), |text| format!("{text}\n"))
}

/// A description as a cell of a table: one line, in which a bar does not end the cell.
fn cell(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_has_keys_values_and_variants() {
        let schema = json!({
            "description": "An ensemble.",
            "type": "object",
            "required": ["name"],
            "properties": {
                "exit": {"$ref": "#/$defs/Exit", "default": "exact", "description": "When to stop."},
                "name": {"type": "string", "description": "A name:\na | b."},
                "gate": {"anyOf": [{"$ref": "#/$defs/Gate"}, {"type": "null"}], "description": "What passes."},
            },
            "$defs": {
                "Exit": {"description": "Early exit.", "oneOf": [{"const": "exact", "description": "Exact."}]},
                "Gate": {"oneOf": [
                    {"description": "A score.", "required": ["kind", "above"], "properties": {
                        "kind": {"const": "score"}, "above": {"type": "number", "description": "Strictly above."}}},
                    {"description": "All.", "required": ["kind"], "properties": {"kind": {"const": "open"}}},
                ]},
            },
        });
        let expected = "\
# Title

About.

Generated from `ensembles/x.schema.json` by `UPDATE=1 cargo test --test docs`.

## Top level

An ensemble.

| key | type | default | description |
|---|---|---|---|
| `name` | string | required | A name: a \\| b. |
| `exit` | [Exit](#exit) | `\"exact\"` | When to stop. |
| `gate` | [Gate](#gate) | none | What passes. |

## Exit

Early exit.

| value | meaning |
|---|---|
| `\"exact\"` | Exact. |

## Gate

### Gate `score`

`kind = \"score\"`: A score.

| key | type | default | description |
|---|---|---|---|
| `above` | number | required | Strictly above. |

### Gate `open`

`kind = \"open\"`: All.

No further keys.
";
        assert_eq!(page("Title", "About.", "x.schema.json", &schema), expected);
    }
}
