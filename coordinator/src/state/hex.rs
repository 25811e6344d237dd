//! Ids as hexadecimal text in JSON: one value, and map keys.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest text of an id, in bytes.
const TEXT_BYTES_MAX: usize = 64;

pub(crate) fn serialize<T: Display, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    // The ids' own parsers accept a sign and any length.
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Err(format!(
            "id of {} bytes: expected 1 to {TEXT_BYTES_MAX} hexadecimal digits",
            text.len()
        ));
    }
    text.parse().map_err(|e| format!("{e}"))
}

/// For `#[serde(with = "hex::map")]`: a shared map whose keys are ids.
pub(crate) mod map {
    use super::{Arc, BTreeMap, Deserialize, Deserializer, Display, FromStr, Serialize, Serializer};
    use serde::de::Error as _;
    use serde::ser::SerializeMap as _;

    pub(crate) fn serialize<K, V, S>(map: &Arc<BTreeMap<K, V>>, serializer: S) -> Result<S::Ok, S::Error>
    where
        K: Display,
        V: Serialize,
        S: Serializer,
    {
        let mut out = serializer.serialize_map(Some(map.len()))?;
        for (key, value) in map.iter() {
            out.serialize_entry(&format_args!("{key}"), value)?;
        }
        out.end()
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<Arc<BTreeMap<K, V>>, D::Error>
    where
        K: FromStr<Err: Display> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        let raw = BTreeMap::<String, V>::deserialize(deserializer)?;
        let ids = raw
            .into_iter()
            .map(|(key, value)| Ok((super::parse(&key).map_err(D::Error::custom)?, value)));
        ids.collect::<Result<_, _>>().map(Arc::new)
    }
}
