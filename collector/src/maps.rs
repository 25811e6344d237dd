//! Tells agents where the collectors are and what they hold, and tells them again when that changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use placement::MemberId;
use wire::control::{CollectorAt, CollectorMap, CollectorMessage};

use crate::collector::Context;
use crate::control_plane::ClusterView;
use crate::session::{Answers, End};

/// First version of the protocol that has MAP.
pub(crate) const SINCE_VERSION: u16 = 2;
/// Changes within this time are told as one.
const TOGETHER: Duration = Duration::from_millis(200);

/// Tells an agent each map, until its session ends.
pub(crate) async fn tell(context: Arc<Context>, answers: Answers) -> Result<(), End> {
    let me = context.control.settings().member;
    let mut cluster = context.control.cluster();
    let mut told = None;
    loop {
        let map = collector_map(&cluster.borrow_and_update(), me);
        if map.is_some() && map != told {
            told.clone_from(&map);
            if let Some(map) = map {
                answers.send(CollectorMessage::Map(map)).await?;
            }
        }
        if cluster.changed().await.is_err() {
            // The coordinator of this process is gone: the last map stays.
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(TOGETHER).await;
    }
}

/// What agents need of the map: present holders, and where they are. `None`: there is no map yet.
fn collector_map(view: &ClusterView, me: u64) -> Option<CollectorMap> {
    if view.map.epoch == 0 {
        return None;
    }
    let mut collectors: Vec<CollectorAt> = Vec::new();
    let mut places: BTreeMap<MemberId, u8> = BTreeMap::new();
    for member in view.map.shards.iter().flat_map(|holders| &holders.now) {
        let address = view.members.get(member).map(|m| m.address.clone());
        if let (Some(address), Ok(place)) = (address, u8::try_from(collectors.len()))
            && !address.is_empty()
            && !places.contains_key(member)
        {
            places.insert(*member, place);
            collectors.push(CollectorAt {
                member: member.0,
                address,
            });
        }
    }
    let shards = view.map.shards.iter();
    let holders = shards.map(|h| h.now.iter().filter_map(|m| places.get(m)).copied().collect());
    Some(CollectorMap {
        epoch: view.map.epoch,
        from: me,
        collectors,
        holders: holders.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_plane::MemberView;
    use placement::ShardMap;

    /// Scenario: two shards on three members, one of them without an address. Guarantee: each holder with an address is named once, the
    /// others left out; before there is a map nothing is said.
    #[test]
    fn holders_are_named_once() {
        let ids = |of: &[u64]| of.iter().copied().map(MemberId).collect::<Vec<_>>();
        assert_eq!(collector_map(&ClusterView::default(), 1), None);
        let member = |id: u64| {
            let address = if id == 3 {
                String::new()
            } else {
                format!("c{id}:7481")
            };
            let view = MemberView {
                address,
                zone: String::new(),
                collects: true,
                removed: false,
            };
            (MemberId(id), view)
        };
        let view = ClusterView {
            map: Arc::new(ShardMap::new(vec![ids(&[2, 3]), ids(&[1, 2])])),
            members: (1..=4).map(member).collect(),
            ..ClusterView::default()
        };
        let map = collector_map(&view, 2).unwrap();
        let at = |member: u64| CollectorAt {
            member,
            address: format!("c{member}:7481"),
        };
        assert_eq!((map.epoch, map.from), (1, 2));
        assert_eq!(map.collectors, [at(2), at(1)]);
        assert_eq!(map.holders, [vec![0], vec![1, 0]]);
    }
}
