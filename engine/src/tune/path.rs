//! The position of a number in a manifest: `postprocess[0].params.above`.

use serde_json::Value;

/// One part of a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Into a table.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// The parts of a key; `None` if its syntax is invalid.
pub fn parse(key: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    for piece in key.split('.') {
        let (name, mut rest) = piece.split_at(piece.find('[').unwrap_or(piece.len()));
        if name.is_empty() {
            return None;
        }
        parts.push(Part::Key(name.into()));
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            parts.push(Part::Index(index.parse().ok()?));
            rest = after;
        }
    }
    Some(parts)
}

/// The value at a position.
pub fn get<'v>(root: &'v Value, parts: &[Part]) -> Option<&'v Value> {
    parts.iter().try_fold(root, |value, part| match part {
        Part::Key(key) => value.get(key),
        Part::Index(index) => value.get(index),
    })
}

/// Sets the value at a position; false if there is no table to hold it.
pub fn set(root: &mut Value, parts: &[Part], value: Value) -> bool {
    let Some((last, way)) = parts.split_last() else { return false };
    let holder = way.iter().try_fold(root, |value, part| match part {
        Part::Key(key) => value.get_mut(key),
        Part::Index(index) => value.get_mut(index),
    });
    match (holder, last) {
        (Some(Value::Object(table)), Part::Key(key)) => {
            table.insert(key.clone(), value);
            true
        }
        (Some(Value::Array(list)), Part::Index(index)) => list.get_mut(*index).map(|item| *item = value).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_read_as_errors_write_them() {
        let parts = parse("classifier.gate.of[1].at_least").unwrap();
        assert_eq!(parts.len(), 5);
        assert_eq!(parts[3], Part::Index(1));
        for wrong in ["", "a..b", "a[", "a[x]", "a[0", "[0]", "a[0]b"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_are_set_where_they_stand_and_added_to_tables() {
        let mut root = json!({ "a": [{ "b": 1 }] });
        assert!(
            set(&mut root, &parse("a[0].b").unwrap(), json!(2)) && set(&mut root, &parse("a[0].c").unwrap(), json!(3))
        );
        assert!(
            !set(&mut root, &parse("a[1].b").unwrap(), json!(2)) && !set(&mut root, &parse("x.b").unwrap(), json!(2))
        );
        assert_eq!(root, json!({ "a": [{ "b": 2, "c": 3 }] }));
        assert_eq!(get(&root, &parse("a[0].c").unwrap()), Some(&json!(3)));
    }
}
