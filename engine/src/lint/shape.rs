//! Queries of a JSON Schema: types, allowed values and descriptions.

use serde_json::{Value, json};

use super::Schema;

impl Schema {
    /// Follows references, and skips `null`, which TOML does not have; of several forms, the first.
    pub(super) fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        self.resolve_for(schema, None)
    }

    /// As [`Schema::resolve`]; of several forms, the one of this type, if there is one.
    pub(super) fn resolve_for<'s>(&'s self, schema: &'s Value, of: Option<&str>) -> &'s Value {
        let mut schema = schema;
        loop {
            let next = match (schema.get("$ref"), schema.get("anyOf").and_then(Value::as_array)) {
                (Some(reference), _) => reference.as_str().and_then(|it| self.definition(it)),
                (_, Some(any)) => {
                    let mut forms = any.iter().filter(|it| it["type"] != "null");
                    let fits = |form: &&Value| of.is_some() && expected(self.resolve(form)) == of;
                    forms.clone().find(fits).or_else(|| forms.next())
                }
                _ => None,
            };
            match next {
                Some(next) => schema = next,
                None => return schema,
            }
        }
    }

    /// A plausible value that the schema allows, to replace a missing or invalid one.
    pub(super) fn placeholder(&self, schema: &Value) -> Value {
        if let Some(default) = schema.get("default") {
            return default.clone();
        }
        let schema = self.resolve(schema);
        if let Some(branches) = schema.get("oneOf").and_then(Value::as_array) {
            return self.placeholder(&branches[0]);
        }
        if let Some(fixed) = schema.get("const").or_else(|| schema.pointer("/enum/0")) {
            return fixed.clone();
        }
        match expected(schema) {
            Some("object") => schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(|key| (key.to_owned(), self.placeholder(&schema["properties"][key])))
                .collect(),
            Some("array") => {
                let length = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
                (0..length).map(|_| self.placeholder(&schema["items"])).collect()
            }
            Some("integer" | "number") => {
                schema.get("minimum").or_else(|| schema.get("maximum")).cloned().unwrap_or_else(|| json!(1))
            }
            Some("boolean") => json!(false),
            _ => json!("?"),
        }
    }
}

/// The type that a schema requires; `None` if it is open.
pub(super) fn expected(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

/// The words of an enumeration; `None` for one of tables.
pub(super) fn words(branches: &[Value]) -> Option<Vec<&str>> {
    branches.iter().map(|branch| branch.get("const")?.as_str()).collect()
}

/// The `kind` that chooses a branch.
pub(super) fn kind(branch: &Value) -> Option<&str> {
    branch.pointer("/properties/kind/const")?.as_str()
}

/// A schema's description of its key: the first sentence.
pub(super) fn about(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?.replace('\n', " ");
    Some(text.split(". ").next()?.trim_end_matches('.').to_owned())
}

/// The schema's bound that a number violates.
pub(super) fn violated(found: f64, schema: &Value) -> Option<String> {
    let bound = |key| schema.get(key).and_then(Value::as_f64);
    let (least, most, over) = (bound("minimum"), bound("maximum"), bound("exclusiveMinimum"));
    // A `uint32` has no `maximum` of its own; it is mentioned only if exceeded.
    let widest = f64::from(u32::MAX);
    let most = most.or((schema["format"] == "uint32" && found > widest).then_some(widest));
    let fits = least.is_none_or(|n| found >= n) && most.is_none_or(|n| found <= n) && over.is_none_or(|n| found > n);
    (!fits).then(|| match (least, over, most) {
        (Some(least), _, Some(most)) if least == most => format!("must be {least}"),
        (Some(least), _, Some(most)) => format!("must be between {least} and {most}"),
        (_, Some(over), Some(most)) => format!("must be above {over} and up to {most}"),
        (Some(least), ..) => format!("must be at least {least}"),
        (_, Some(over), _) => format!("must be above {over}"),
        (_, _, most) => format!("must be at most {}", most.unwrap_or(f64::INFINITY)),
    })
}
