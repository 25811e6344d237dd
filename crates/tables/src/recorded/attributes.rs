//! Attributes in two columns: a map that is easy to ask, and OTLP's JSON where the map does not say all.

use std::collections::HashSet;

use arrow_array::builder::StringBuilder;
use event::{KeyValue, Value};

use super::column::TextMap;
use super::json;

/// Scratch memory of the two columns.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    text: String,
}

impl Attributes {
    /// Puts attributes as JSON if a map does not say all: a value is no text, or a key comes twice. Returns the bytes.
    pub(crate) fn json(&mut self, pairs: &[KeyValue], json: &mut StringBuilder) -> usize {
        if is_map(pairs) {
            json.append_null();
            return 0;
        }
        self.text.clear();
        json::attributes(&mut self.text, pairs);
        json.append_value(&self.text);
        self.text.len()
    }

    /// Puts attributes as a map; of a key that comes twice the first. Returns the bytes.
    pub(crate) fn map(&mut self, pairs: &[KeyValue], map: &mut TextMap) -> usize {
        let mut bytes = 0;
        let mut seen = HashSet::new();
        for (at, pair) in pairs.iter().enumerate() {
            if twice(pairs, at, &mut seen) {
                continue;
            }
            bytes += 8 + pair.key.len();
            map.keys().append_value(&pair.key);
            match &pair.value {
                Value::Empty => map.values().append_null(),
                Value::String(text) => {
                    bytes += text.len();
                    map.values().append_value(text);
                }
                other => {
                    self.text.clear();
                    json::plain(&mut self.text, other);
                    bytes += self.text.len();
                    map.values().append_value(&self.text);
                }
            }
        }
        // Keys and values are put in pairs.
        let appended = map.append(true);
        debug_assert!(appended.is_ok(), "keys and values of a map");
        bytes
    }
}

/// Few attributes are looked through, many are looked up.
const FEW: usize = 24;

/// Did the key come before?
fn twice<'p>(pairs: &'p [KeyValue], at: usize, seen: &mut HashSet<&'p str>) -> bool {
    let Some(pair) = pairs.get(at) else {
        return false;
    };
    if pairs.len() > FEW {
        return !seen.insert(&pair.key);
    }
    pairs.iter().take(at).any(|before| before.key == pair.key)
}

/// Do the texts of a map say all?
fn is_map(pairs: &[KeyValue]) -> bool {
    let texts = pairs.iter().all(|pair| matches!(pair.value, Value::String(_)));
    let mut seen = HashSet::new();
    texts && !(0..pairs.len()).any(|at| twice(pairs, at, &mut seen))
}
