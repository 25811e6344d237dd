//! What the core wants is done.

use super::claims;
use super::links::{FrameBytes, Outgoing};
use super::owner::{Again, Owner, Told, Writing};
use crate::acks::Why;
use event::Shard;
use placement::{Change, MemberId, ShardMap};
use replication::codec::encode;
use replication::{Action, Message, Section, Ticket};
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;
use store::{FrameToStore, StoreError};

/// Of a write that was not begun.
const PUT_OFF: StoreError = StoreError::QueueFull {
    queued_bytes: 0,
    limit_bytes: 0,
};

/// So long the coordinators are waited for when they are asked for a map.
const MAP_WAIT: Duration = Duration::from_secs(5);
/// They are not asked again sooner.
const MAP_REST: Duration = Duration::from_millis(200);

impl Owner {
    /// Does it. `frames` came with what the core was told.
    pub(super) fn act(&mut self, action: Action, frames: &[FrameToStore]) {
        match action {
            Action::Send { to, message } => self.send(to, message),
            Action::Keep { ticket, from } => self.own.keep(ticket, from),
            Action::Release { ticket } => self.own.release(ticket),
            Action::Write { job, frame, sections } => self.write(job, frame, &sections, frames),
            Action::WritePart { job } => self.write_part(job, frames),
            Action::Compare(compare) => {
                let inputs = self.inputs.clone();
                let frames = frames.to_vec();
                self.copies.compare(compare, move |compared| {
                    let _ = inputs.send(Told::Compared(compared, frames));
                });
            }
            Action::Answer {
                to,
                ask,
                shard,
                question,
                epoch,
                whole,
            } => self.copies.answer(to, ask, shard, question, (epoch, whole)),
            Action::KeepMap(map) => self.keep_map(map),
            // The core itself makes hints of these.
            Action::Hint { .. } => {}
            Action::KeepHint { to, section } => self.disk.hint(to, &section, true),
            Action::DropHint { to, section } => self.disk.hint(to, &section, false),
            Action::Ack { from, sections } => self.own.acked(from, sections),
            Action::Stale { from, epoch } => self.own.refused(from, Why::Stale(epoch)),
            Action::Busy { from } => self.own.refused(from, Why::Busy),
            Action::Conflict { from, section } => self.own.conflict(from, section),
            Action::FetchMap(epoch) => self.fetch_map(epoch),
            Action::Propose { shard, change } => self.propose(shard, change),
        }
    }

    fn send(&self, to: MemberId, message: Message) {
        let mut outgoing = Outgoing {
            head: Vec::new(),
            frames: Vec::new(),
            wants_answer: matches!(message, Message::Append { .. } | Message::Ask { .. }),
            append: None,
        };
        match &message {
            Message::Append { ticket, epoch, .. } => {
                let Some(frame) = self.own.frame(*ticket) else {
                    return;
                };
                outgoing.frames.push(FrameBytes::Shared(frame.clone()));
                outgoing.append = Some((*ticket, *epoch));
            }
            Message::Copy { .. } => {
                self.copies.send(to, message);
                return;
            }
            _ => {}
        }
        match encode(&message, outgoing.frames.len() as u16) {
            Ok(head) => self.links.send(to, Outgoing { head, ..outgoing }),
            Err(_) => self.counts.dropped("too_long"),
        }
    }

    pub(super) fn write(
        &mut self,
        job: u64,
        frame: Option<(MemberId, Ticket, u64)>,
        sections: &[Section],
        frames: &[FrameToStore],
    ) {
        let mut new = true;
        if let Some((member, ticket, epoch)) = frame {
            match self.writing.lock().entry((member, ticket)) {
                Entry::Vacant(entry) => drop(entry.insert(epoch)),
                // It is being written still, under an earlier map: what the disk says of that does not count any more.
                Entry::Occupied(mut entry) if *entry.get() < epoch => {
                    entry.insert(epoch);
                    let again = Again {
                        job,
                        epoch,
                        sections: sections.to_vec(),
                        frames: frames.to_vec(),
                    };
                    self.again.entry((member, ticket)).or_default().push_back(again);
                    return;
                }
                // Under the same: written again, it would only wait behind itself.
                Entry::Occupied(_) => new = false,
            }
        }
        let (to_store, order) = match frame {
            Some((member, ticket, _)) if member == self.me => claims::part(self.own.frame(ticket), sections),
            Some(_) => claims::part(frames.first(), sections),
            None => claims::parts(frames, sections),
        };
        let frame = frame.filter(|_| new).map(|(member, ticket, _)| (member, ticket));
        let writing = Writing {
            frame,
            order,
            is_part: false,
        };
        self.jobs.insert(job, writing);
        let inputs = self.inputs.clone();
        let submitted = if !new || to_store.is_empty() {
            Err(PUT_OFF)
        } else {
            let done = move |result| {
                let _ = inputs.send(Told::Written(job, result));
            };
            self.disk.submit(to_store, Box::new(done))
        };
        if let Err(error) = submitted {
            let _ = self.inputs.send(Told::Written(job, Err(error)));
        }
    }

    /// Writes the parts of spans among the frames that came: nothing is said of them, and only they may.
    fn write_part(&mut self, job: u64, frames: &[FrameToStore]) {
        let parts: Vec<FrameToStore> = frames.iter().filter(|f| f.is_part()).cloned().collect();
        let writing = Writing {
            frame: None,
            order: Vec::new(),
            is_part: true,
        };
        self.jobs.insert(job, writing);
        let inputs = self.inputs.clone();
        let done = move |result| {
            let _ = inputs.send(Told::Written(job, result));
        };
        if let Err(error) = self.disk.submit_spans(parts, Box::new(done)) {
            let _ = self.inputs.send(Told::Written(job, Err(error)));
        }
    }

    fn keep_map(&self, map: Arc<ShardMap>) {
        let (disk, inputs) = (self.disk.clone(), self.inputs.clone());
        self.runtime.spawn_blocking(move || match disk.keep_map(&map) {
            Ok(()) => {
                let _ = inputs.send(Told::MapKept(map.epoch));
            }
            Err(error) => tracing::error!(%error, epoch = map.epoch, "a map could not be kept"),
        });
    }

    /// One question at a time, and not again at once: the core says it with each message under the later map.
    pub(super) fn fetch_map(&self, epoch: u64) {
        let Ok(turn) = Arc::clone(&self.asking_map).try_lock_owned() else {
            return;
        };
        self.counts.map_asked();
        let control = Arc::clone(&self.control);
        self.runtime.spawn(async move {
            let _turn = turn;
            let asked = tokio::time::timeout(MAP_WAIT, control.fetch_map(epoch)).await;
            match asked {
                Ok(Ok(())) => tracing::debug!(epoch, "a later map was asked for"),
                Ok(Err(error)) => tracing::warn!(epoch, %error, "a later map could not be asked for"),
                Err(_) => tracing::warn!(epoch, "no answer about a later map"),
            }
            tokio::time::sleep(MAP_REST).await;
        });
    }

    /// One proposal a shard at a time: the core says it again until the map has changed.
    fn propose(&self, shard: Shard, change: Change) {
        if !self.proposing.lock().insert(shard) {
            return;
        }
        let (control, proposing) = (Arc::clone(&self.control), Arc::clone(&self.proposing));
        self.runtime.spawn(async move {
            let words = format!("{change:?}");
            match control.change(shard, change).await {
                Ok(()) => tracing::info!(%shard, change = words, "the map was changed"),
                Err(error) => tracing::warn!(%shard, change = words, %error, "the map was not changed"),
            }
            proposing.lock().remove(&shard);
        });
    }
}
