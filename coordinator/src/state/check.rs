//! Checks of commands before anything changes.

use event::{ModuleVersion, NodeKey};

use super::limits::{COMMAND_MODULES_MAX, KEY_MAX, MODULES_MAX, TEXT_BYTES_MAX};
use super::{LoadedModule, Refusal, State};

/// Refuses a size above its limit.
pub(super) fn at_most(what: &str, got: usize, limit: usize) -> Result<(), Refusal> {
    if got > limit {
        return Err(Refusal::TooLarge {
            what: what.to_owned(),
            got: got as u64,
            limit: limit as u64,
        });
    }
    Ok(())
}

/// Refuses a text that is too long.
pub(super) fn text(what: &str, text: &str) -> Result<(), Refusal> {
    at_most(what, text.len(), TEXT_BYTES_MAX)
}

/// Refuses a text that is empty or too long.
pub(super) fn name(what: &str, name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::Empty {
            what: what.to_owned(),
        });
    }
    text(what, name)
}

/// Refuses a table that is full.
pub(super) fn room(what: &str, have: usize, limit: usize) -> Result<(), Refusal> {
    if have >= limit {
        return Err(Refusal::Full {
            what: what.to_owned(),
            limit: limit as u64,
        });
    }
    Ok(())
}

/// Refuses a node key that is 0 or has more than 59 bits.
pub(super) fn node_key(node: NodeKey) -> Result<(), Refusal> {
    if node.0 == 0 {
        return Err(Refusal::Empty {
            what: "node key".to_owned(),
        });
    }
    if node.0 > KEY_MAX {
        return Err(Refusal::TooLarge {
            what: "node key".to_owned(),
            got: node.0,
            limit: KEY_MAX,
        });
    }
    Ok(())
}

/// Refuses a module version whose key is 0, is another version's, or which is known under another name.
pub(super) fn module(state: &State, version: ModuleVersion, module: &str) -> Result<(), Refusal> {
    name("module name", module)?;
    let key = version.key();
    if key.0 == 0 {
        return Err(Refusal::Empty {
            what: "module version".to_owned(),
        });
    }
    match state.modules.get(&key) {
        Some(known) if known.version != version => Err(Refusal::KeyCollision {
            key,
            existing: known.version,
            got: version,
        }),
        Some(known) if known.name != module => Err(Refusal::OtherModule {
            version,
            existing: known.name.clone(),
            got: module.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Checks a list of modules against the state and against one another; returns how many are new.
pub(super) fn modules(state: &State, modules: &[LoadedModule]) -> Result<usize, Refusal> {
    at_most("list of modules", modules.len(), COMMAND_MODULES_MAX)?;
    let mut fresh = std::collections::BTreeMap::new();
    for LoadedModule {
        version,
        module: name,
    } in modules
    {
        module(state, *version, name)?;
        let key = version.key();
        if state.modules.contains_key(&key) {
            continue;
        }
        if let Some((other, other_name)) = fresh.insert(key, (*version, name)) {
            if other != *version {
                return Err(Refusal::KeyCollision {
                    key,
                    existing: other,
                    got: *version,
                });
            }
            if other_name != name {
                let (existing, got) = (other_name.clone(), name.clone());
                return Err(Refusal::OtherModule {
                    version: *version,
                    existing,
                    got,
                });
            }
        }
    }
    at_most(
        "module versions",
        state.modules.len().saturating_add(fresh.len()),
        MODULES_MAX,
    )?;
    Ok(fresh.len())
}
