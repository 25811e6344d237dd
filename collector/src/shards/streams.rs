//! Traces that several members show one after the other, as streams that can be looked into: of each some traces ahead, bounded.

use std::collections::{HashMap, VecDeque};
use std::task::Poll;
use std::time::Instant;

use event::{Shard, Span, TraceId};
use placement::MemberId;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::request::{Request, Word};
use crate::asked::codec::{End, Outcome, Part};

/// Traces and spans of one stream that are held ahead, at most (of a trace always all).
const AHEAD_TRACES: usize = 256;
const AHEAD_SPANS: usize = 50_000;
/// Words of a member that wait to be looked at.
pub(super) const UNREAD_MAX: usize = 4;

/// What one member shows.
pub(super) struct Stream {
    pub(super) member: MemberId,
    pub(super) shards: Vec<Shard>,
    /// None: this member itself.
    pub(super) request: Option<Request>,
    words: Option<mpsc::Receiver<(usize, Word)>>,
    order: VecDeque<TraceId>,
    ahead: HashMap<TraceId, (u64, Vec<Span>)>,
    spans: usize,
    /// A trace of which more will come.
    half: Option<(TraceId, Vec<Span>)>,
    /// What the answer is worth.
    pub(super) head: Option<End>,
    pub(super) end: Option<End>,
    pub(super) failed: Option<String>,
}

impl Stream {
    pub(super) fn new(
        member: MemberId,
        shards: Vec<Shard>,
        request: Option<Request>,
        words: mpsc::Receiver<(usize, Word)>,
    ) -> Self {
        Self {
            member,
            shards,
            request,
            words: Some(words),
            order: VecDeque::new(),
            ahead: HashMap::new(),
            spans: 0,
            half: None,
            head: None,
            end: None,
            failed: None,
        }
    }

    /// Will more come?
    pub(super) fn is_open(&self) -> bool {
        self.words.is_some()
    }

    /// Nothing is known of what comes next.
    pub(super) fn is_blind(&self) -> bool {
        self.is_open() && self.ahead.is_empty()
    }

    fn is_full(&self) -> bool {
        self.ahead.len() >= AHEAD_TRACES || self.spans >= AHEAD_SPANS
    }

    /// The next trace and its start.
    pub(super) fn next(&mut self) -> Option<(u64, TraceId)> {
        while let Some(trace) = self.order.front() {
            if let Some((start, _)) = self.ahead.get(trace) {
                return Some((*start, *trace));
            }
            self.order.pop_front();
        }
        None
    }

    /// Takes a trace out, wherever it is.
    pub(super) fn take(&mut self, trace: TraceId) -> Option<Vec<Span>> {
        let (_, spans) = self.ahead.remove(&trace)?;
        self.spans -= spans.len();
        Some(spans)
    }

    /// No more of it is wanted, or will come.
    pub(super) fn fail(&mut self, why: String) {
        self.failed = Some(why);
        self.words = None;
        self.request = None;
    }

    fn word(&mut self, word: Option<Word>) {
        match word {
            Some(Word::Head(head)) => self.head = Some(head),
            Some(Word::Part(Part::Spans(pieces))) => {
                for (trace, more, spans) in pieces {
                    self.piece(trace, more, spans);
                }
            }
            Some(Word::Part(_)) => {}
            Some(Word::End(end)) => match &end.outcome {
                Outcome::Busy(why) => self.fail(format!("is busy ({why})")),
                Outcome::Failed(why) => self.fail(format!("failed ({why})")),
                Outcome::Answered | Outcome::Cannot => {
                    self.head.get_or_insert_with(|| end.clone());
                    self.end = Some(end);
                    self.words = None;
                    self.request = None;
                }
            },
            Some(Word::Failed(why)) => self.fail(why),
            None => self.fail("broke off".to_owned()),
        }
    }

    fn piece(&mut self, trace: TraceId, more: bool, spans: Vec<Span>) {
        let mut whole = match self.half.take() {
            Some((of, mut whole)) if of == trace => {
                whole.extend(spans);
                whole
            }
            _ => spans,
        };
        if more {
            self.half = Some((trace, whole));
            return;
        }
        let start = whole.iter().map(|span| span.start_ns).min().unwrap_or_default();
        self.spans += whole.len();
        if let Some((first, known)) = self.ahead.get_mut(&trace) {
            *first = start.min(*first);
            known.append(&mut whole);
        } else {
            self.order.push_back(trace);
            self.ahead.insert(trace, (start, whole));
        }
    }
}

/// Takes in what is here already, as far as there is room.
pub(super) fn drain(streams: &mut [Stream]) {
    for stream in streams {
        while !stream.is_full() {
            let Some(words) = &mut stream.words else { break };
            match words.try_recv() {
                Ok((_, word)) => stream.word(Some(word)),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => stream.word(None),
            }
        }
    }
}

/// Waits for a word of any of the streams that `wanted` names, until a time; `false` if none came.
pub(super) fn wait(
    runtime: &Handle,
    streams: &mut [Stream],
    wanted: impl Fn(&Stream) -> bool,
    until: Instant,
) -> bool {
    let next = std::future::poll_fn(|cx| {
        for (at, stream) in streams.iter_mut().enumerate() {
            if !wanted(stream) {
                continue;
            }
            if let Some(words) = &mut stream.words
                && let Poll::Ready(word) = words.poll_recv(cx)
            {
                return Poll::Ready((at, word.map(|(_, word)| word)));
            }
        }
        Poll::Pending
    });
    let heard = runtime.block_on(async { tokio::time::timeout_at(until.into(), next).await });
    let Ok((at, word)) = heard else {
        return false;
    };
    if let Some(stream) = streams.get_mut(at) {
        stream.word(word);
    }
    true
}
