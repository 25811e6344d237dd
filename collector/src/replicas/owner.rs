//! The thread that owns the core ([`replication::Member`]): everything comes in by one queue, one thing at a time.
//!
//! It never reads the disk: comparing and answering do, on the blocking pool (`copies.rs`). Each thing in the queue is bounded where it
//! comes from: frames by their agents' windows, messages by the bytes that may wait, writes and comparisons by the core itself.

use super::Adopted;
use super::copies::Copies;
use super::counts::Counts;
use super::disk::Disk;
use super::fronted::{Fronted, OwnFrames};
use super::links::Links;
use super::parked::Parked;
use crate::control_plane::{ClusterView, ControlPlane};
use event::Shard;
use parking_lot::{Mutex, RwLock};
use placement::MemberId;
use replication::{Compared, Config, Input, Member, Message, Outcome, Section, Ticket};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use store::{Admission, FrameToStore, Receipt, StoreError};
use tokio::sync::OwnedSemaphorePermit;

/// Things done between two looks at the clock.
const AT_ONCE: usize = 256;
/// The core is never waked sooner after it was.
const REST: Duration = Duration::from_millis(5);
/// Numbers are shown this often.
const SHOW: Duration = Duration::from_millis(500);

/// A message that was received and checked.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) from: MemberId,
    pub(super) message: Message,
    pub(super) frames: Vec<FrameToStore>,
    pub(super) _held: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Told {
    /// An agent sent a frame.
    Frame(Fronted),
    /// A member said something.
    Message(Received),
    /// A write ended.
    Written(u64, Result<Receipt, StoreError>),
    /// A comparison looked at the disk; with the frames that had come.
    Compared(Box<Compared>, Vec<FrameToStore>),
    /// The cluster changed.
    View(Arc<ClusterView>),
    /// A map is synced.
    MapKept(u64),
    /// The end.
    Stop,
}

/// What is being written for whom.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) frame: Option<(MemberId, Ticket)>,
    /// For each section that the core wants written, which of the receipt's it is.
    pub(super) order: Vec<usize>,
    /// Is it a part of batches that are none yet? Then it has one outcome.
    pub(super) is_part: bool,
}

/// Frames that are being written, each with the latest map under which.
pub(super) type UnderWay = Arc<Mutex<HashMap<(MemberId, Ticket), u64>>>;

/// A frame to be written once more.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) job: u64,
    pub(super) epoch: u64,
    pub(super) sections: Vec<Section>,
    pub(super) frames: Vec<FrameToStore>,
}

/// The thread's own.
pub(super) struct Owner {
    pub(super) me: MemberId,
    pub(super) member: Member,
    pub(super) config: Config,
    pub(super) started: Instant,
    pub(super) disk: Disk,
    pub(super) links: Links,
    pub(super) copies: Copies,
    pub(super) own: OwnFrames,
    pub(super) parked: Parked,
    pub(super) jobs: BTreeMap<u64, Writing>,
    /// Frames that are being written, and the latest map under which, for those who receive: shared with them.
    pub(super) writing: UnderWay,
    /// What waits until its frame is written, to be written under a later map.
    pub(super) again: HashMap<(MemberId, Ticket), VecDeque<Again>>,
    pub(super) adopted: Arc<RwLock<Arc<Adopted>>>,
    pub(super) control: Arc<dyn ControlPlane>,
    pub(super) proposing: Arc<Mutex<HashSet<Shard>>>,
    /// Held while the coordinators are asked for a map.
    pub(super) asking_map: Arc<tokio::sync::Mutex<()>>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) inputs: Sender<Told>,
    pub(super) counts: Arc<Counts>,
    pub(super) written: WrittenMetrics,
}

/// What the collector counts of receipts.
pub(crate) type WrittenMetrics = Box<dyn Fn(&Receipt) + Send>;

impl Owner {
    /// Until it is told to stop.
    pub(super) fn run(mut self, told: &Receiver<Told>) {
        let (mut wake, mut show) = (Duration::ZERO, Duration::ZERO);
        loop {
            let now = self.started.elapsed();
            match told.recv_timeout(wake.saturating_sub(now)) {
                Ok(first) => {
                    let mut fronted = false;
                    let rest = std::iter::from_fn(|| told.try_recv().ok());
                    for told in std::iter::once(first).chain(rest).take(AT_ONCE) {
                        fronted |= matches!(told, Told::Frame(_));
                        if !self.handle(told) {
                            self.own.stop("collector is stopping");
                            return;
                        }
                    }
                    if fronted {
                        // No frame has anything to be done for it sooner.
                        wake = wake.min(self.started.elapsed() + self.config.front.zone_wait);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = self.started.elapsed();
            if self.parked.wake_at().is_some_and(|at| now >= at) {
                self.unpark();
            }
            if now >= wake {
                self.input(Input::Tick, &[]);
                wake = self.member.wake_at().max(now + REST);
            }
            wake = wake.min(self.parked.wake_at().unwrap_or(wake));
            if now >= show {
                show = now + SHOW;
                self.counts.show(now, &self.member, self.links.waiting());
                if self.adopted.read().uncompared != self.member.uncompared() {
                    self.publish();
                }
            }
        }
    }

    /// `false`: it was told to stop.
    fn handle(&mut self, told: Told) -> bool {
        match told {
            Told::Frame(fronted) if self.member.replica().is_stopped() => {
                let number = self.own.put(fronted).0;
                self.own.refused(number, crate::acks::Why::Stopped);
            }
            Told::Frame(fronted) => {
                self.copies.frame();
                let (from, sections) = self.own.put(fronted);
                let input = Input::Frame {
                    from,
                    epoch: 0,
                    sections,
                };
                self.input(input, &[]);
            }
            Told::Message(received) => self.received(received),
            Told::Written(job, result) => self.ended(job, result),
            Told::Compared(compared, frames) => self.input(Input::Compared(compared), &frames),
            Told::View(view) => self.see(&view),
            Told::MapKept(epoch) => {
                self.input(Input::MapKept(epoch), &[]);
                self.publish();
                self.unpark();
            }
            Told::Stop => {
                self.input(Input::Leave, &[]);
                self.disk.sync_hints();
                return false;
            }
        }
        true
    }

    /// Gives the core an input and does what it wants. `frames` came with the input.
    pub(super) fn input(&mut self, input: Input, frames: &[FrameToStore]) {
        let now = self.started.elapsed();
        for action in self.member.handle(now, input) {
            self.act(action, frames);
        }
    }

    /// Looks at a message, or lets it wait for its map.
    fn received(&mut self, received: Received) {
        let replica = self.member.replica();
        // Who takes no writes learns no maps either.
        if replica.is_stopped() {
            return self.message(received);
        }
        let (now, adopted) = (self.started.elapsed(), replica.map().epoch);
        if let Some(received) = self.parked.take(now, adopted, received) {
            self.message(received);
        } else if let Some(epoch) = self.parked.latest() {
            // It may have missed that there is one.
            self.fetch_map(epoch);
        }
    }

    /// Looks at what waited for a map, or too long.
    fn unpark(&mut self) {
        let adopted = self.member.replica().map().epoch;
        for received in self.parked.due(self.started.elapsed(), adopted) {
            self.message(received);
        }
    }

    fn message(&mut self, received: Received) {
        let Received {
            from,
            message,
            frames,
            ..
        } = received;
        if matches!(message, Message::Append { .. }) {
            self.copies.frame();
        }
        self.input(Input::Message { from, message }, &frames);
    }

    /// A write ended.
    fn ended(&mut self, job: u64, result: Result<Receipt, StoreError>) {
        let Some(writing) = self.jobs.remove(&job) else {
            return;
        };
        if let Some(frame) = writing.frame {
            self.writing.lock().remove(&frame);
            self.write_again(frame);
        }
        let outcomes = match result {
            Ok(_) if writing.is_part => vec![Outcome::Held],
            Ok(receipt) => {
                (self.written)(&receipt);
                outcomes(&writing.order, &receipt)
            }
            Err(error @ (StoreError::Poisoned(_) | StoreError::ShutDown)) => {
                tracing::error!(%error, "nothing is written any more: no agent is served until a restart");
                self.input(Input::WriteFailed { job }, &[]);
                self.own.stop(&error.to_string());
                self.publish();
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "batches are put off");
                vec![Outcome::Later; writing.order.len().max(usize::from(writing.is_part))]
            }
        };
        if outcomes.contains(&Outcome::Later)
            && let Some((member, ticket)) = writing.frame
            && member == self.me
        {
            self.own.put_off(ticket);
        }
        self.input(Input::Written { job, outcomes }, &[]);
    }

    /// Writes what waited for this frame.
    fn write_again(&mut self, frame: (MemberId, Ticket)) {
        let Some(waiting) = self.again.get_mut(&frame) else {
            return;
        };
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.again.remove(&frame);
        }
        if let Some(next) = next {
            let (member, ticket) = frame;
            self.write(
                next.job,
                Some((member, ticket, next.epoch)),
                &next.sections,
                &next.frames,
            );
        }
    }

    fn see(&mut self, view: &ClusterView) {
        self.links.set_members(view);
        let zones = view.members.iter().map(|(id, m)| (*id, m.zone.clone()));
        self.member.set_zones(zones.collect());
        let gone: BTreeSet<MemberId> = view
            .members
            .iter()
            .filter(|(_, m)| m.removed)
            .map(|(id, _)| *id)
            .collect();
        self.member.set_gone(gone);
        self.input(Input::Map(Arc::clone(&view.map)), &[]);
    }

    /// Tells readers what map is in force.
    pub(super) fn publish(&self) {
        let replica = self.member.replica();
        *self.adopted.write() = Arc::new(Adopted {
            map: Arc::clone(replica.map()),
            whole: replica.is_authoritative(),
            stopped: replica.is_stopped(),
            uncompared: self.member.uncompared(),
        });
    }
}

/// What became of each section, in the core's order.
fn outcomes(order: &[usize], receipt: &Receipt) -> Vec<Outcome> {
    let sections: Vec<Outcome> = receipt
        .frames
        .iter()
        .flat_map(|f| &f.sections)
        .map(|s| match s.admission {
            Admission::Stored | Admission::Duplicate | Admission::Expired => Outcome::Held,
            Admission::Conflict => Outcome::Conflict,
            Admission::Later => Outcome::Later,
        })
        .collect();
    let of = |at: &usize| sections.get(*at).copied().unwrap_or(Outcome::Later);
    order.iter().map(of).collect()
}
