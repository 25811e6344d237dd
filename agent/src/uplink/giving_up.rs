//! What can never be stored by a collector: given up, counted, reported as a gap.

use std::sync::atomic::Ordering;

use wire::control::{AckRange, RejectCode};
use wire::frame::GapReason;

use super::{Broken, Uplink};
use crate::spool::{AgentDrop, GivenUp, Location, range_of};
use crate::spooler::Given;

/// Bytes of frames that no collector accepts, kept for people to look at.
const DEAD_LETTER_BYTES_MAX: u64 = 64 << 20;

impl Uplink {
    pub(super) async fn rejected(&self, range: AckRange, code: RejectCode) {
        // Where the seq is stored with other content, it is no gap.
        let gap = code != RejectCode::SeqReused;
        let given_up = self.shared.index.lock().give_up(range, AgentDrop::Rejected, gap);
        self.record_given_up(&given_up, gap.then_some(GapReason::Rejected));
        self.keep_aside(given_up).await;
    }

    /// The collector could not read a frame, and so could not say which. It is the one that is under way, if it is
    /// alone; else all that are under way are sent again one at a time, on a new connection.
    pub(super) async fn rejected_unnamed(&self) -> Result<(), Broken> {
        let given_up = {
            let mut index = self.shared.index.lock();
            let (places, next) = index.under_way();
            match places[..] {
                [] => return Ok(()),
                [place] => index.give_up_frame(place, AgentDrop::Rejected),
                _ => {
                    self.suspects.store(next, Ordering::Relaxed);
                    return Err("a frame was not readable; they are sent one at a time".into());
                }
            }
        };
        self.record_given_up(&given_up, Some(GapReason::Rejected));
        self.keep_aside(given_up).await;
        Ok(())
    }

    /// Keeps rejected frames for people to look at.
    async fn keep_aside(&self, given_up: Vec<GivenUp>) {
        let places: Vec<Location> = given_up.iter().filter(|g| !g.part.gap).map(|g| g.at).collect();
        let Ok(frames) = self.fetch(places).await else {
            return;
        };
        let dir = self.data_dir.join("dead-letter");
        let kept = tokio::task::spawn_blocking(move || {
            for ((_, frame), given) in frames.into_iter().zip(given_up.iter().filter(|g| !g.part.gap)) {
                let Some(frame) = frame else { continue };
                let name = format!("{}-{}-{}.frame", given.epoch, given.part.shard, given.part.first);
                if folder_bytes(&dir) + (frame.len() as u64) <= DEAD_LETTER_BYTES_MAX {
                    std::fs::create_dir_all(&dir)?;
                    std::fs::write(dir.join(name), frame)?;
                }
            }
            Ok::<_, std::io::Error>(())
        });
        if let Ok(Err(error)) = kept.await {
            tracing::warn!(%error, "rejected frame could not be kept");
        }
    }

    /// A frame could not be read. If it was only moved, the next connection sends it from its new place.
    pub(super) fn unreadable(&self, place: Location) -> Result<(), Broken> {
        let given_up = self
            .shared
            .index
            .lock()
            .give_up_frame(place, AgentDrop::SpoolCorrupt);
        if given_up.is_empty() {
            return Err("a frame was moved while it was to be sent".into());
        }
        tracing::error!(?place, "frame in the spool is damaged");
        self.record_given_up(&given_up, Some(GapReason::SpoolCorrupt));
        self.exchange.to_spooler.notify_one();
        Ok(())
    }

    fn record_given_up(&self, given_up: &[GivenUp], reason: Option<GapReason>) {
        let mut outcomes = self.exchange.outcomes.lock();
        for given in given_up {
            let range = range_of(given.epoch, &given.part);
            match reason.filter(|_| !given.part.gap) {
                // Closed on disk when the gap is acknowledged: after a restart before that, all this happens again.
                Some(reason) => {
                    self.metrics.gaps.with_label_values(&[reason.name()]).inc();
                    outcomes.gaps.push(Given {
                        range,
                        events: given.part.rows.into(),
                        reason,
                        held: Some(given.at.segment),
                    });
                }
                None => outcomes.acks.push(range),
            }
        }
    }
}

fn folder_bytes(dir: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|e| e.metadata().ok())
        .map(|m| m.len())
        .sum()
}
