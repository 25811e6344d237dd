//! NODE, DEFINE and MODULES messages that the collector has not noted yet.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Messages, by token.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    held: BTreeMap<u64, Described>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Described {
    segment: u64,
    message: Bytes,
    sent: bool,
}

impl Descriptions {
    /// Bytes of all messages.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds one that lies in `segment`; false if the token is known.
    pub(super) fn insert(&mut self, token: u64, segment: u64, message: Bytes) -> bool {
        if self.held.contains_key(&token) {
            return false;
        }
        self.bytes += message.len();
        let sent = false;
        self.held.insert(
            token,
            Described {
                segment,
                message,
                sent,
            },
        );
        true
    }

    /// Removes one; its segment and its bytes.
    pub(super) fn remove(&mut self, token: u64) -> Option<(u64, u64)> {
        let described = self.held.remove(&token)?;
        self.bytes -= described.message.len();
        Some((described.segment, described.message.len() as u64))
    }

    /// It lies in `to` now; where it was, and its bytes.
    pub(super) fn moved(&mut self, token: u64, to: u64) -> Option<(u64, u64)> {
        let described = self.held.get_mut(&token)?;
        let from = std::mem::replace(&mut described.segment, to);
        Some((from, described.message.len() as u64))
    }

    /// Unsent ones, in order, so many that `n` at most are under way; they count as sent.
    pub(super) fn take_unsent(&mut self, n: usize) -> Vec<Bytes> {
        let under_way = self.held.values().filter(|d| d.sent).count();
        let unsent = self.held.values_mut().filter(|d| !d.sent);
        unsent
            .take(n.saturating_sub(under_way))
            .map(|d| {
                d.sent = true;
                d.message.clone()
            })
            .collect()
    }

    /// All are unsent again.
    pub(super) fn unsend_all(&mut self) {
        self.held.values_mut().for_each(|d| d.sent = false);
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Bytes)> {
        self.held.iter().map(|(token, d)| (*token, &d.message))
    }

    /// Those that lie in a segment.
    pub(super) fn in_segment(&self, segment: u64) -> Vec<(u64, Bytes)> {
        let there = self.held.iter().filter(|(_, d)| d.segment == segment);
        there.map(|(token, d)| (*token, d.message.clone())).collect()
    }
}
