//! What needs the disk and not the core: answers to other members' questions, and the batches that go out as copies. On threads of its own
//! that step back behind what agents wait for, few at a time; the rest waits for its turn, and what is too much for that is dropped and counted.

use super::counts::Counts;
use super::disk::{Disk, View, section};
use super::links::{FrameBytes, Links, Outgoing};
use super::pace::Pace;
use super::turns::Turns;
use event::Shard;
use placement::MemberId;
use replication::codec::{SECTIONS_MAX, encode};
use replication::{Answer, Compare, Compared, Message, Question, Section, answer};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Questions answered and copies read at once.
const AT_ONCE: usize = 4;
/// Those that wait for their turn: each of several members has up to 16 comparisons under way. A question is small, and
/// so is what names the batches of a copy.
const WAITING: usize = 256;
/// Comparisons that look at the disk at once.
const COMPARING: usize = 4;
/// Bytes of batches in one message, as their sections say; one that is larger goes alone.
const MESSAGE_BYTES: u64 = 2 << 20;
/// Bytes of the frames of one message.
const FRAMES_BYTES: usize = 8 << 20;

/// The way to the disk.
#[derive(Debug)]
pub(super) struct Copies {
    disk: Disk,
    links: Links,
    counts: Arc<Counts>,
    runtime: tokio::runtime::Handle,
    turns: Turns,
    pace: Arc<Pace>,
    comparing: Arc<Semaphore>,
}

impl Copies {
    pub(super) fn new(disk: Disk, links: Links, counts: Arc<Counts>, pace: Pace) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        Ok(Self {
            disk,
            links,
            counts,
            turns: Turns::new(&runtime, AT_ONCE, WAITING)?,
            pace: Arc::new(pace),
            runtime,
            comparing: Arc::new(Semaphore::new(COMPARING)),
        })
    }

    /// A frame came: copies keep their pace.
    pub(super) fn frame(&self) {
        self.pace.frame();
    }

    /// Does it when its turn comes. A question that is dropped would end its comparison, and the shard would wait for
    /// another round, so only what exceeds [`WAITING`] is.
    fn in_turn(&self, work: impl FnOnce() + Send + 'static) {
        if !self.turns.take(work) {
            self.counts.dropped("busy");
        }
    }

    fn out(&self) -> Out {
        Out {
            links: self.links.clone(),
            counts: Arc::clone(&self.counts),
            pace: Arc::clone(&self.pace),
        }
    }

    /// Compares with what is held, a few at a time; `then` hears of it. The core bounds how many wait. What the disk did not show is not
    /// told: it would look as if it was not there.
    pub(super) fn compare(&self, compare: Box<Compare>, then: impl FnOnce(Box<Compared>) + Send + 'static) {
        let (disk, turns) = (self.disk.clone(), Arc::clone(&self.comparing));
        let runtime = self.runtime.clone();
        self.runtime.spawn(async move {
            let Ok(turn) = turns.acquire_owned().await else {
                return;
            };
            runtime.spawn_blocking(move || {
                let _turn = turn;
                let view = disk.held();
                let compared = compare.run(&view);
                if view.is_sound() {
                    then(Box::new(compared));
                }
            });
        });
    }

    /// Answers a question. `standing`: the map that is in force, and whether the disk is whole.
    pub(super) fn answer(
        &self,
        to: MemberId,
        ask: u64,
        shard: Shard,
        question: Question,
        standing: (u64, bool),
    ) {
        let (disk, out) = (self.disk.clone(), self.out());
        self.in_turn(move || {
            let view = disk.held();
            if let Question::FetchPart(sections, from) = &question {
                answer_part(&view, &out, (to, ask, shard), (sections, *from));
                return;
            }
            let mut answer = answer(&view, shard, &question, standing.0, standing.1);
            let mut frames = Vec::new();
            if let Answer::Data(sections) = &mut answer {
                // What has no room is asked for again.
                let Some(part) = read(&view, sections).into_iter().next() else {
                    return;
                };
                *sections = part.0;
                frames = part.1;
            }
            // What could not be read is no answer: it would look as if it was not there.
            if !view.is_sound() {
                return;
            }
            let message = Message::Answer { ask, shard, answer };
            out.send(to, &message, frames);
        });
    }

    /// Sends batches that are here. Without an answer wanted they may go in several messages.
    pub(super) fn send(&self, to: MemberId, message: Message) {
        let Message::Copy {
            copy,
            epoch,
            sections,
        } = message
        else {
            return;
        };
        let (disk, out) = (self.disk.clone(), self.out());
        self.in_turn(move || {
            let parts = if copy == 0 {
                split(&sections)
            } else {
                vec![sections.as_slice()]
            };
            for part in parts {
                let mut messages = read(&disk.held(), part);
                let last = messages.pop().unwrap_or_default();
                // Only the last one is answered: the disk writes them in their order.
                for (copy, (sections, frames)) in messages.into_iter().map(|m| (0, m)).chain([(copy, last)]) {
                    if sections.is_empty() && copy == 0 {
                        continue;
                    }
                    let message = Message::Copy {
                        copy,
                        epoch,
                        sections,
                    };
                    out.send(to, &message, frames);
                }
            }
        });
    }
}

/// Answers with the next page of spans that are too many for one answer.
fn answer_part(
    view: &View<'_>,
    out: &Out,
    (to, ask, shard): (MemberId, u64, Shard),
    (sections, from): (&[Section], u64),
) {
    let page = match view.page(sections, from) {
        Ok(page) => page,
        Err(error) => {
            tracing::error!(%error, %shard, "spans could not be read for another member");
            return;
        }
    };
    let batches = page.frames.iter().flat_map(|frame| &frame.sections);
    let answer = Answer::Part(batches.map(section).collect(), page.next);
    let frames = page.frames.into_iter().map(|frame| FrameBytes::Read(frame.bytes));
    let message = Message::Answer { ask, shard, answer };
    out.send(to, &message, frames.collect());
}

/// Sections, and the frames in which they are: the content of one message.
type Part = (Vec<Section>, Vec<FrameBytes>);

/// The frames of batches that are still here, in parts that are not too large for a message. At least one part, which may be empty.
fn read(view: &View<'_>, sections: &[Section]) -> Vec<Part> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Part::default(), 0);
    let mut wanted: BTreeSet<Section> = sections.iter().copied().collect();
    loop {
        let left: Vec<Section> = wanted.iter().copied().collect();
        let cut = match view.frames(&left) {
            Ok(cut) if !cut.is_empty() => cut,
            Ok(_) => break,
            Err(error) => {
                tracing::error!(%error, "batches could not be read for another member");
                break;
            }
        };
        for frame in cut {
            let here: Vec<Section> = frame
                .sections
                .iter()
                .map(section)
                .filter(|s| wanted.remove(s))
                .collect();
            bytes += frame.bytes.len();
            if bytes > FRAMES_BYTES && !part.1.is_empty() {
                parts.push(std::mem::take(&mut part));
                bytes = frame.bytes.len();
            }
            part.0.extend(here);
            part.1.push(FrameBytes::Read(frame.bytes));
        }
        // A call has a bound on what it reads: what it left is next.
        if wanted.is_empty() || wanted.len() == left.len() {
            break;
        }
    }
    parts.push(part);
    parts
}

/// The way out of what was read: to its member, and at the pace of all.
struct Out {
    links: Links,
    counts: Arc<Counts>,
    pace: Arc<Pace>,
}

impl Out {
    fn send(&self, to: MemberId, message: &Message, frames: Vec<FrameBytes>) {
        let Ok(head) = encode(message, frames.len() as u16) else {
            self.counts.dropped("too_long");
            return;
        };
        let bytes = frames.iter().map(|frame| frame.bytes().len()).sum();
        let outgoing = Outgoing {
            head,
            frames,
            wants_answer: matches!(message, Message::Copy { copy, .. } if *copy != 0),
            append: None,
        };
        self.links.send(to, outgoing);
        self.pace.copied(bytes);
    }
}

/// Parts that are not too large for a message.
fn split(sections: &[Section]) -> Vec<&[Section]> {
    let (mut parts, mut first, mut bytes) = (Vec::new(), 0, 0u64);
    for (at, section) in sections.iter().enumerate() {
        bytes += u64::from(section.bytes);
        if at > first && (bytes > MESSAGE_BYTES || at - first >= SECTIONS_MAX) {
            parts.extend(sections.get(first..at));
            (first, bytes) = (at, u64::from(section.bytes));
        }
    }
    parts.extend(sections.get(first..).filter(|rest| !rest.is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Seq;

    /// Scenario: small batches, one that is too large for a message, very many. Guarantee: each goes once, in order, in messages that
    /// are not too large; the large one alone.
    #[test]
    fn copies_are_cut_into_messages() {
        let section = |(seq, bytes): (u64, u32)| Section {
            first: Seq(seq),
            bytes,
            ..Section::default()
        };
        let mut sections: Vec<Section> = [(1, 1 << 20), (2, 1 << 20), (3, 3 << 20), (4, 1)]
            .map(section)
            .to_vec();
        sections.extend((5..10_000).map(|seq| section((seq, 1))));
        let parts = split(&sections);
        assert_eq!(parts.concat(), sections);
        assert_eq!(
            parts[..3].iter().map(|p| p.len()).collect::<Vec<_>>(),
            [2, 1, SECTIONS_MAX]
        );
        assert!(parts.iter().all(|p| p.len() <= SECTIONS_MAX));
        assert!(split(&[]).is_empty());
    }
}
