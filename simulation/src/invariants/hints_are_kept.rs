//! A hint is forgotten only when its target has the batch synced, does not hold the shard any more, or the batch is expired.

use crate::oracle::{Violation, id, violated};
use crate::world::World;
use placement::MemberId;
use replication::Section;

/// `machine` is about to forget.
pub fn forgotten(world: &World, machine: usize, to: MemberId, section: &Section) -> Result<(), Violation> {
    if section.bucket < world.policy_floor() || world.lost.contains(&to) {
        return Ok(());
    }
    let adopted = world.collectors[machine]
        .member
        .as_ref()
        .map(|m| m.replica().map().clone());
    let holds = |map: &placement::ShardMap| map.holders(section.shard).is_some_and(|h| h.has(to));
    if !holds(&world.coordinator.map) || adopted.is_some_and(|map| !holds(&map)) {
        return Ok(());
    }
    // A target that left the shard says so, and forgot it; if it joined again meanwhile, that move brings everything.
    let made = world
        .hinted
        .get(&(machine, to, *section))
        .copied()
        .unwrap_or_default();
    let adopted = world.map_of(to);
    let between = |epoch: u64| adopted.is_some_and(|map| epoch > made && epoch <= map.epoch);
    let history = world.coordinator.history.iter();
    let mut left = history.filter(|map| between(map.epoch) && !holds(map));
    if adopted.is_some_and(|map| !holds(map)) || left.next().is_some() {
        return Ok(());
    }
    match world.disk_of(to) {
        Some(store) if store.holds(section) || (section.gap && store.is_done(section)) => Ok(()),
        _ => violated(
            "hints_are_kept",
            format!(
                "the hint of {:?} for {to} is forgotten before it was taken",
                id(section)
            ),
        ),
    }
}
