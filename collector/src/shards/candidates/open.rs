//! Whom a search asks: enough members of each shard to begin with, and another in the place of each that fails later.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use placement::MemberId;
use tokio::sync::mpsc;

use super::Merge;
use crate::asked::Answer;
use crate::asked::codec::End;
use crate::control_plane::ClusterView;
use crate::shards::request::Word;
use crate::shards::streams::{Stream, UNREAD_MAX, wait};

/// A member that says nothing for so long is replaced, as long as nothing was shown.
const HEDGE: Duration = Duration::from_millis(300);

impl Merge<'_> {
    /// Asks until enough members have begun to answer, or nobody is left. Names a newer map if one of them did.
    pub(super) fn open(&mut self, view: &ClusterView) -> Option<u64> {
        let mut hedge_at = Instant::now() + HEDGE;
        loop {
            let before = self.streams.len();
            self.ask_more(view);
            if self.streams.len() > before {
                hedge_at = Instant::now() + HEDGE;
            }
            self.give_up_failed();
            if self.streams.len() > before {
                continue;
            }
            let newer = self.streams.iter().filter_map(|stream| stream.head.as_ref());
            let newer = newer.filter(|head| !head.stale.is_empty()).map(|head| head.epoch);
            if let Some(epoch) = newer.max() {
                return Some(epoch);
            }
            let silent = |stream: &Stream| stream.is_open() && stream.head.is_none();
            let hoped = |s: &Stream| s.shards.iter().any(|shard| self.plan.hopes(*shard, s.member));
            // Of whom is late nothing is waited for once others have begun in its place.
            let waits = self
                .streams
                .iter()
                .any(|s| silent(s) && (hoped(s) || self.plan.lacks()));
            if !waits || Instant::now() >= self.ask.deadline {
                for stream in self.streams.iter_mut().filter(|stream| silent(stream)) {
                    stream.fail("did not answer in time".to_owned());
                }
                self.give_up_failed();
                return None;
            }
            let until = hedge_at.min(self.ask.deadline);
            if !wait(&self.asker.runtime, &mut self.streams, silent, until) && Instant::now() >= hedge_at {
                let begun: BTreeSet<MemberId> = self
                    .streams
                    .iter()
                    .filter(|stream| stream.head.is_some())
                    .map(|stream| stream.member)
                    .collect();
                let me = self.asker.me();
                self.plan.late(|member| member == me || begun.contains(&member));
                // Once: whoever is asked now is the last.
                hedge_at = self.ask.deadline;
            }
        }
    }

    /// Another holder in the place of each that failed on the way, from its first trace on: what was shown already is not shown again.
    pub(super) fn replace_failed(&mut self, view: &ClusterView) {
        loop {
            self.give_up_failed();
            let before = self.streams.len();
            if Instant::now() < self.ask.deadline {
                self.ask_more(view);
            }
            if self.streams.len() == before {
                return;
            }
        }
    }

    /// Streams of the members that the plan names now.
    fn ask_more(&mut self, view: &ClusterView) {
        let (asker, ask) = (self.asker, self.ask);
        for (member, shards) in self.plan.next() {
            let (words, heard) = mpsc::channel(UNREAD_MAX);
            if member == asker.me() {
                self.streams
                    .push(Stream::new(member, shards.clone(), None, heard));
                self.own(shards, words);
                continue;
            }
            match asker.request(ask, view, self.plan.epoch(), (member, &shards), 0, words) {
                Ok(request) => self
                    .streams
                    .push(Stream::new(member, shards, Some(request), heard)),
                Err(why) => asker.failed(ask.question, &mut self.plan, member, &shards, why),
            }
        }
    }

    /// This member's own, on a thread of its own.
    fn own(&self, shards: Vec<event::Shard>, words: mpsc::Sender<(usize, Word)>) {
        let (store, of) = (
            std::sync::Arc::clone(&self.asker.store),
            self.asker.settings.shards,
        );
        let (question, deadline) = (self.ask.question.clone(), self.ask.deadline);
        let said = self.asker.said(self.plan.epoch(), &shards);
        self.asker.runtime.spawn_blocking(move || {
            let answer = Answer {
                store: &store,
                of,
                shards: &shards,
                stop: &|| Instant::now() >= deadline,
            };
            if words.blocking_send((0, Word::Head(said.clone()))).is_err() {
                return;
            }
            let end = answer.give(
                &question,
                &mut |part| match words.blocking_send((0, Word::Part(part))) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                },
            );
            let end = End {
                epoch: said.epoch,
                stale: said.stale,
                whole: said.whole,
                floor: said.floor,
                ..end
            };
            let _ = words.blocking_send((0, Word::End(end)));
        });
    }

    /// Tells the plan of streams that failed.
    pub(super) fn give_up_failed(&mut self) {
        for stream in &mut self.streams {
            if let Some(why) = stream.failed.take() {
                let (member, shards) = (stream.member, std::mem::take(&mut stream.shards));
                self.asker
                    .failed(self.ask.question, &mut self.plan, member, &shards, why);
            }
        }
    }
}
