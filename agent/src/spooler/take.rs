//! What sessions hand over becomes what the next commit stores.

use std::sync::Arc;

use bytes::Bytes;
use event::{Micros, NodeKey};
use tokio::time::Instant;
use wire::control::AgentMessage;

use super::{Input, State, StoredBoard};
use crate::session::TakenChunk;
use crate::spool::superseded_by;

impl State {
    pub(super) fn is_full(&mut self) -> bool {
        let full = self.shared.index.lock().is_full(self.spooler.bytes_max);
        if full != self.was_full {
            self.was_full = full;
            self.spooler.metrics.backpressure.set(i64::from(full));
            if full {
                self.spooler.metrics.backpressures.inc();
                tracing::warn!("spool is full; nodes must wait");
            }
        }
        full
    }

    pub(super) fn take(&mut self, input: Input) {
        self.pending.since.get_or_insert_with(Instant::now);
        match input {
            Input::Node(info) => {
                self.presence.came(info.clone());
                self.spooler.batcher.name(info);
            }
            Input::Chunk {
                chunk,
                board,
                bytes,
                permit,
            } => {
                self.pending.bytes += bytes;
                self.pending.permits.push(permit);
                self.chunk(chunk, board);
            }
            Input::Describe { message, permit } => {
                self.pending.permits.push(permit);
                self.describe(message);
            }
            Input::Totals { node, at, dropped } => self.losses(node, at, &dropped),
            Input::NodeGone(node) => self.presence.went(node, Instant::now()),
        }
    }

    /// Nodes that did not come back are down. Their names are forgotten after the commit that says so.
    pub(super) fn note_down(&mut self) {
        for info in self.presence.take_down(Instant::now()) {
            let (now, hlc) = (self.spooler.clock.physical(), self.spooler.clock.tick());
            let event = self.reporter.node_down(info.key, &info.name, now, hlc);
            self.pending.events.push(event);
            self.pending.gone.push(info.key);
        }
    }

    /// Highest number of a writer that is stored or about to be.
    fn number(&self, node: NodeKey, writer: u16) -> u64 {
        self.pending
            .marks
            .number(node, writer)
            .max(self.shared.marks.lock().number(node, writer))
    }

    fn chunk(&mut self, chunk: TakenChunk, board: Arc<StoredBoard>) {
        let (node, writer, last) = (chunk.node, chunk.writer, chunk.last());
        let known = self.number(node, writer);
        let skip = usize::try_from((known + 1).saturating_sub(chunk.first)).unwrap_or(usize::MAX);
        let outcome = if last <= known { "repeated" } else { "stored" };
        self.spooler.metrics.chunks.with_label_values(&[outcome]).inc();
        if last > known {
            self.pending.events.extend(chunk.events.into_iter().skip(skip));
            self.pending.marks.entry(node).writers.insert(writer, last);
        }
        self.losses(node, chunk.sent_at, &chunk.dropped);
        self.pending.boards.push((board, writer, last.max(known)));
    }

    fn losses(&mut self, node: NodeKey, at: Micros, dropped: &[u64; 8]) {
        let mut before = self
            .shared
            .marks
            .lock()
            .of(node)
            .map(|m| m.dropped)
            .unwrap_or_default();
        if let Some(pending) = self.pending.marks.of(node) {
            before
                .iter_mut()
                .zip(pending.dropped)
                .for_each(|(b, p)| *b = (*b).max(p));
        }
        if before.iter().zip(dropped).all(|(b, d)| d <= b) {
            return;
        }
        let from = Micros(at.0.saturating_sub(self.spooler.flush.as_micros() as u64));
        let clock = Arc::clone(&self.spooler.clock);
        let events = self
            .reporter
            .losses(node, &before, dropped, (from, at), || clock.tick());
        self.pending.events.extend(events);
        let marks = self.pending.marks.entry(node);
        marks.dropped = before;
        marks
            .dropped
            .iter_mut()
            .zip(dropped)
            .for_each(|(m, d)| *m = (*m).max(*d));
    }

    fn describe(&mut self, mut message: AgentMessage) {
        let new = self.spooler.spool.next_token();
        match &mut message {
            AgentMessage::Define { token, .. }
            | AgentMessage::Node { token, .. }
            | AgentMessage::Modules { token, .. } => *token = new,
            _ => return,
        }
        self.pending
            .described
            .retain(|(_, old)| !superseded_by(&message, old));
        self.pending.described.push((new, message));
    }

    /// Descriptions in the spool that newer ones replace: as good as noted.
    pub(super) fn superseded(&self) -> Vec<u64> {
        if self.pending.described.is_empty() {
            return Vec::new();
        }
        let index = self.shared.index.lock();
        let is_old = |bytes: &Bytes| {
            AgentMessage::decode(bytes).is_ok_and(|old| {
                self.pending
                    .described
                    .iter()
                    .any(|(_, new)| superseded_by(new, &old))
            })
        };
        index
            .described()
            .filter(|(_, bytes)| is_old(bytes))
            .map(|(token, _)| token)
            .collect()
    }
}
