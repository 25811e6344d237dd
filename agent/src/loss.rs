//! What a node dropped becomes events, so that queries can say what is missing. Pure.

use event::{DropReason, Event, EventId, EventKind, Flags, Hlc, Micros, NodeKey};

/// Lane of events that the agent makes: that of messages.
const LANE: u64 = 1023;
/// Set in ids that the agent makes; no slot of a node reaches it.
const AGENT_BIT: u64 = 1 << 58;
const SLOT_MASK: u64 = (1 << 48) - 1;

/// Makes events of its own about nodes.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    last_slot: u64,
}

impl Reporter {
    /// A loss event for each reason whose total grew from `before` to `after`, between `from` and `to`.
    pub(crate) fn losses(
        &mut self,
        node: NodeKey,
        before: &[u64; 8],
        after: &[u64; 8],
        (from, to): (Micros, Micros),
        mut hlc: impl FnMut() -> Hlc,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for ((reason, before), after) in DropReason::ALL.iter().zip(before).zip(after) {
            let count = after.saturating_sub(*before);
            if count > 0 {
                let mut payload = vec![reason.code()];
                for word in [count, from.0, to.0] {
                    payload.extend_from_slice(&word.to_le_bytes());
                }
                events.push(self.event(EventKind::Loss, node, to, hlc(), payload));
            }
        }
        events
    }

    /// The node's connection ended.
    pub(crate) fn node_down(&mut self, node: NodeKey, name: &str, now: Micros, hlc: Hlc) -> Event {
        self.event(EventKind::NodeDown, node, now, hlc, name.as_bytes().to_vec())
    }

    fn event(&mut self, kind: EventKind, node: NodeKey, time: Micros, hlc: Hlc, payload: Vec<u8>) -> Event {
        // By our own clock: a node says what it likes.
        self.last_slot = (hlc.micros().0 & SLOT_MASK).max(self.last_slot + 1) & SLOT_MASK;
        Event {
            id: EventId(AGENT_BIT | self.last_slot << 10 | LANE),
            flags: Flags(Flags::PAYLOAD | Flags::UNTRACED | Flags::INFERRED),
            hlc,
            time,
            payload,
            ..Event::blank(kind, node)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: one event a reason that grew, with the difference; none for what did not grow; ids differ.
    #[test]
    fn differences() {
        let mut reporter = Reporter::default();
        let mut after = [5; 8];
        after[3] = 9;
        after[7] = 4;
        let span = (Micros(1), Micros(2));
        let events = reporter.losses(NodeKey(1), &[5; 8], &after, span, || Hlc(7));
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].payload[0], DropReason::AgentAbsent.code());
        assert_eq!(events[0].payload[1..9], 4_u64.to_le_bytes());
        let more = reporter.losses(NodeKey(1), &[0; 8], &[1; 8], span, || Hlc(7));
        let mut ids: Vec<_> = more.iter().chain(&events).map(|e| e.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 9);
        assert!(ids.iter().all(|id| id.0 < 1 << 59));
    }
}
