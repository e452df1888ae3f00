//! Checks a TOML tree against the JSON Schema, and finds every problem in one walk.
//!
//! The walk returns the tree as JSON, with invalid parts left out or replaced by plausible values, so that the rest can
//! be read and checked further in the same pass.

use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Schema;
use super::locations::child;
use super::shape::{about, expected, kind, violated, words};
use super::words::{listed, nearest};

/// A problem at a key.
#[derive(Debug)]
pub(super) struct Fault {
    /// The key.
    pub(super) field: String,
    /// The key that was probably intended, if `field` is unknown but similar to another.
    pub(super) meant: Option<String>,
    /// Whether a key is missing, rather than wrong.
    pub(super) missing: bool,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Checks a document against a schema.
pub(super) fn walk(root: &DeTable<'_>, schema: &Schema) -> (Value, Vec<Fault>) {
    let mut walk = Walk { schema, faults: Vec::new() };
    let value = walk.table(root, &schema.root, "");
    (value, walk.faults)
}

struct Walk<'s> {
    schema: &'s Schema,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    fn fault(&mut self, field: &str, message: impl Into<String>, hint: Option<String>) {
        let message = message.into();
        self.faults.push(Fault { field: field.to_owned(), meant: None, missing: false, message, hint });
    }

    /// The value as JSON, or its replacement.
    fn value(&mut self, value: &DeValue<'_>, schema: &Value, path: &str) -> Value {
        let schema = self.schema.resolve_for(schema, type_of(value));
        if let Some(branches) = schema.get("oneOf").and_then(Value::as_array) {
            return match words(branches) {
                Some(words) => self.word(value, &words, path),
                None => self.tagged(value, branches, path),
            };
        }
        match (value, expected(schema)) {
            (_, None) => self.free(value, path),
            (DeValue::Table(table), Some("object")) => self.table(table, schema, path),
            (DeValue::Array(items), Some("array")) => self.list(items, schema, path),
            (DeValue::String(text), Some("string")) => self.text(text, schema, path),
            (DeValue::Boolean(it), Some("boolean")) => json!(it),
            (DeValue::Integer(_), Some("integer" | "number")) | (DeValue::Float(_), Some("number")) => {
                self.number(value, schema, path)
            }
            (_, Some(expected)) => {
                let message = format!("expected {}, found {}", described(expected), kind_of(value));
                self.fault(path, message, about(schema));
                self.schema.placeholder(schema)
            }
        }
    }

    fn table(&mut self, table: &DeTable<'_>, schema: &Value, path: &str) -> Value {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return self.free_table(table, path);
        };
        let mut found = Map::new();
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            match properties.get(key) {
                Some(schema) => {
                    _ = found.insert(key.to_owned(), self.value(value.get_ref(), schema, &child(path, key)))
                }
                None => self.unknown(key, properties, table, path),
            }
        }
        for key in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !found.contains_key(key) {
                self.missing(key, &properties[key], path);
                found.insert(key.to_owned(), self.schema.placeholder(&properties[key]));
            }
        }
        Value::Object(found)
    }

    fn unknown(&mut self, key: &str, properties: &Map<String, Value>, table: &DeTable<'_>, path: &str) {
        // A key that is already present cannot be the intended one.
        let absent = properties.keys().map(String::as_str).filter(|name| !table.contains_key(*name));
        let meant = nearest(key, absent);
        let hint = meant.map_or_else(
            || format!("the keys here are {}", listed(properties.keys().map(String::as_str))),
            |meant| format!("did you mean `{meant}`?"),
        );
        let meant = meant.map(|meant| child(path, meant));
        let field = child(path, key);
        self.faults.push(Fault { field, meant, missing: false, message: "unknown key".into(), hint: Some(hint) });
    }

    fn missing(&mut self, key: &str, schema: &Value, path: &str) {
        let field = child(path, key);
        // The unknown key that is probably this one has already been reported.
        if self.faults.iter().any(|fault| fault.meant.as_ref() == Some(&field)) {
            return;
        }
        let hint = about(schema).or_else(|| about(self.schema.resolve(schema)));
        self.faults.push(Fault { field, meant: None, missing: true, message: "missing key".into(), hint });
    }

    /// A table whose `kind` chooses the keys.
    fn tagged(&mut self, value: &DeValue<'_>, branches: &[Value], path: &str) -> Value {
        let kinds: Vec<_> = branches.iter().filter_map(kind).collect();
        let DeValue::Table(table) = value else {
            let hint = format!("write {{ kind = \"...\" }} with {}", listed(kinds.iter().copied()));
            self.fault(path, format!("expected a table, found {}", kind_of(value)), Some(hint));
            return self.schema.placeholder(&branches[0]);
        };
        let path_of_kind = child(path, "kind");
        let Some(named) = table.get("kind") else {
            let hint = Some(format!("one of {}", listed(kinds.iter().copied())));
            let message = "missing key".into();
            self.faults.push(Fault { field: path_of_kind, meant: None, missing: true, message, hint });
            return self.schema.placeholder(&branches[0]);
        };
        let known = self.word(named.get_ref(), &kinds, &path_of_kind);
        let branch = branches.iter().find(|branch| kind(branch) == named.get_ref().as_str());
        branch.map_or_else(
            || {
                self.schema
                    .placeholder(branches.iter().find(|branch| kind(branch) == known.as_str()).unwrap_or(&branches[0]))
            },
            |branch| self.table(table, branch, path),
        )
    }

    /// One word of an enumeration.
    fn word(&mut self, value: &DeValue<'_>, words: &[&str], path: &str) -> Value {
        let choice = listed(words.iter().copied());
        match value.as_str() {
            Some(word) if words.contains(&word) => return json!(word),
            Some(word) => {
                let hint = nearest(word, words.iter().copied()).map(|meant| format!("did you mean `{meant}`?"));
                self.fault(path, format!("expected one of {choice}, found `{word}`"), hint);
            }
            None => self.fault(path, format!("expected one of {choice}, found {}", kind_of(value)), None),
        }
        json!(words[0])
    }

    fn list(&mut self, items: &[Spanned<DeValue<'_>>], schema: &Value, path: &str) -> Value {
        let length = |key| schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let (least, most) = (length("minItems").unwrap_or(0), length("maxItems").unwrap_or(usize::MAX));
        if items.len() < least || items.len() > most {
            let wanted = match (least, most) {
                _ if least == most => least.to_string(),
                _ if items.len() > most => format!("at most {most}"),
                _ => format!("at least {least}"),
            };
            self.fault(path, format!("expected {wanted} items in the list, found {}", items.len()), about(schema));
            return self.schema.placeholder(schema);
        }
        let of = schema.get("items").unwrap_or(&Value::Null);
        items.iter().enumerate().map(|(i, item)| self.value(item.get_ref(), of, &format!("{path}[{i}]"))).collect()
    }

    fn text(&mut self, text: &str, schema: &Value, path: &str) -> Value {
        let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.is_empty() && schema.get("minLength").is_some() {
            self.fault(path, "must not be empty", about(schema));
        } else if schema.get("pattern").is_some() && !is_digest {
            // The only pattern in use is a digest's.
            let length = text.chars().count();
            let hint = "`sha256sum FILE` prints it".to_owned();
            self.fault(path, format!("expected 64 hexadecimal digits, found {length} characters"), Some(hint));
            return self.schema.placeholder(schema);
        }
        json!(text)
    }

    fn number(&mut self, value: &DeValue<'_>, schema: &Value, path: &str) -> Value {
        let Some(found) = number(value).filter(|found| found.is_finite() && found.abs() <= f64::from(f32::MAX)) else {
            self.fault(path, "must be a finite number of ordinary size", about(schema));
            return self.schema.placeholder(schema);
        };
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
            if !allowed.iter().any(|it| it.as_f64() == Some(found)) {
                let allowed = allowed.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
                self.fault(path, format!("must be {allowed}, found {found}"), about(schema));
                return self.schema.placeholder(schema);
            }
        } else if let Some(range) = violated(found, schema) {
            self.fault(path, format!("{range}, found {found}"), about(schema));
            return self.schema.placeholder(schema);
        }
        number_as_json(value, found)
    }

    /// A value that the schema leaves open: a plugin's parameter. It must be something that JSON can hold.
    fn free(&mut self, value: &DeValue<'_>, path: &str) -> Value {
        match value {
            DeValue::Table(table) => self.free_table(table, path),
            DeValue::Array(items) => {
                items.iter().enumerate().map(|(i, item)| self.free(item.get_ref(), &format!("{path}[{i}]"))).collect()
            }
            DeValue::String(text) => json!(text),
            DeValue::Boolean(it) => json!(it),
            DeValue::Integer(_) | DeValue::Float(_) => match number(value).filter(|found| found.is_finite()) {
                Some(found) => number_as_json(value, found),
                None => {
                    self.fault(path, "must be a finite number", None);
                    Value::Null
                }
            },
            DeValue::Datetime(_) => {
                self.fault(path, "parameters cannot be dates", Some("write it as text, in quotes".into()));
                Value::Null
            }
        }
    }

    fn free_table(&mut self, table: &DeTable<'_>, path: &str) -> Value {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            (key.to_string(), self.free(value.get_ref(), &child(path, key)))
        };
        Value::Object(table.iter().map(entry).collect())
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(it) => i64::from_str_radix(it.as_str(), it.radix()).ok().map(|it| it as f64),
        DeValue::Float(it) => it.as_str().parse().ok(),
        _ => None,
    }
}

/// Whole numbers stay integers, so that a parameter arrives as written.
fn number_as_json(value: &DeValue<'_>, found: f64) -> Value {
    let whole = value.as_integer().and_then(|it| i64::from_str_radix(it.as_str(), it.radix()).ok());
    whole.map_or_else(|| json!(found), |whole| json!(whole))
}

fn described(expected: &str) -> &'static str {
    match expected {
        "object" => "a table",
        "array" => "a list",
        "string" => "text in quotes",
        "boolean" => "true or false",
        "integer" => "a whole number",
        _ => "a number",
    }
}

/// The JSON Schema's type of a value, where forms differ by it.
fn type_of(value: &DeValue<'_>) -> Option<&'static str> {
    match value {
        DeValue::String(_) => Some("string"),
        DeValue::Array(_) => Some("array"),
        DeValue::Table(_) => Some("object"),
        _ => None,
    }
}

fn kind_of(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text `{text}`"),
        DeValue::Integer(it) => format!("the number {it}"),
        DeValue::Float(it) => format!("the number {it}"),
        DeValue::Boolean(it) => format!("`{it}`"),
        DeValue::Datetime(_) => "a date".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}
