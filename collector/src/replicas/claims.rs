//! What sections a frame has, and whether a message's sections are those of the frames that came with it: a section speaks for
//! nothing that was not checked here.

use event::{Seq, Shard};
use replication::{Message, Section, Source};
use std::collections::{BTreeSet, HashMap};
use store::{FrameDigest, FrameToStore, SectionDigest};

/// A section's share of a frame is never less than this, in bytes: what its entry in lists costs.
const SECTION_BYTES: u64 = 32;

/// The sections of a frame, by position.
pub(crate) fn sections_of(frame: &FrameToStore) -> Vec<Section> {
    let digest = frame.digest();
    let (rows, bytes) = (digest.events().max(1), frame.byte_len() as u64);
    let of = |s: &SectionDigest| {
        let share = SECTION_BYTES + bytes * u64::from(s.rows) / rows;
        section_of(digest, s, u32::try_from(share).unwrap_or(u32::MAX))
    };
    digest.sections.iter().map(of).collect()
}

fn section_of(digest: &FrameDigest, s: &SectionDigest, bytes: u32) -> Section {
    Section {
        source: Source {
            producer: digest.producer,
            epoch: digest.epoch,
        },
        shard: s.shard,
        first: s.seq,
        last: s.gap.map_or(s.seq, |gap| gap.last_seq),
        gap: s.gap.is_some(),
        bucket: digest.bucket,
        content: s.content,
        bytes,
    }
}

/// Does it name the same batch, or gap, with the same content?
fn is_of(section: &Section, digest: &FrameDigest, s: &SectionDigest) -> bool {
    *section == section_of(digest, s, section.bytes)
}

/// Some sections of a frame, to be written: the frame with these chosen, and for each section which of the receipt's is its own.
/// Nothing if one is not of the frame, or they are not in its order.
pub(super) fn part(frame: Option<&FrameToStore>, sections: &[Section]) -> (Vec<FrameToStore>, Vec<usize>) {
    let order = (0..sections.len()).collect();
    let chosen = frame.and_then(|frame| {
        let digest = frame.digest();
        if sections.len() == digest.sections.len() {
            let mut pairs = sections.iter().zip(&digest.sections);
            return pairs.all(|(a, b)| is_of(a, digest, b)).then(|| frame.clone());
        }
        let mut all = (0u16..).zip(&digest.sections);
        let find = |section: &Section| {
            let found = all.find(|(_, s)| is_of(section, digest, s));
            found.map(|(at, _)| at)
        };
        let positions: Option<Vec<u16>> = sections.iter().map(find).collect();
        Some(frame.choosing(&positions?))
    });
    (chosen.into_iter().collect(), order)
}

/// The same of sections that are in any of several frames.
pub(super) fn parts(frames: &[FrameToStore], sections: &[Section]) -> (Vec<FrameToStore>, Vec<usize>) {
    let places = Places::of(frames);
    let found: Vec<Option<(usize, u16)>> = sections.iter().map(|s| places.find(s)).collect();
    let all: BTreeSet<(usize, u16)> = found.iter().flatten().copied().collect();
    let ranks: HashMap<(usize, u16), usize> = all.iter().copied().zip(0..).collect();
    let order = found.iter().map(|place| {
        let rank = place.and_then(|place| ranks.get(&place).copied());
        rank.unwrap_or(usize::MAX)
    });
    let chosen = frames.iter().enumerate().filter_map(|(number, frame)| {
        let positions: Vec<u16> = all
            .range((number, 0)..=(number, u16::MAX))
            .map(|(_, at)| *at)
            .collect();
        (!positions.is_empty()).then(|| frame.choosing(&positions))
    });
    (chosen.collect(), order.collect())
}

/// Where the sections of a message are: which frame, which position. What the frames do not have with the same content is not in it.
#[derive(Debug)]
pub(super) struct Places(HashMap<Name, (usize, u16, Section)>);

/// Names a section: whose, of which shard, its first number, is it a gap?
type Name = (Source, Shard, Seq, bool);

impl Places {
    pub(super) fn of(frames: &[FrameToStore]) -> Self {
        let mut places = HashMap::new();
        for (number, frame) in frames.iter().enumerate() {
            for (at, section) in (0u16..).zip(sections_of(frame)) {
                places
                    .entry((section.source, section.shard, section.first, section.gap))
                    .or_insert((number, at, section));
            }
        }
        Self(places)
    }

    /// Which frame, which position.
    pub(super) fn find(&self, section: &Section) -> Option<(usize, u16)> {
        let key = (section.source, section.shard, section.first, section.gap);
        let (number, at, there) = self.0.get(&key)?;
        let same = Section {
            bytes: section.bytes,
            ..*there
        } == *section;
        same.then_some((*number, *at))
    }
}

/// Leaves of a message's sections those that its frames have; `false`: it is not to be believed at all.
pub(super) fn check(message: &mut Message, frames: &[FrameToStore]) -> bool {
    match message {
        Message::Append { sections, .. } => {
            let [frame] = frames else { return false };
            let digest = frame.digest();
            sections.is_sorted_by(|(a, _), (b, _)| a < b)
                && sections.iter().all(|(at, section)| {
                    let there = digest.sections.get(usize::from(*at));
                    there.is_some_and(|s| is_of(section, digest, s))
                })
        }
        Message::Copy { sections, .. }
        | Message::Answer {
            answer: replication::Answer::Data(sections) | replication::Answer::Part(sections, _),
            ..
        } => {
            let places = Places::of(frames);
            sections.retain(|s| places.find(s).is_some());
            true
        }
        _ => frames.is_empty(),
    }
}
