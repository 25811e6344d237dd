//! This collector as one of several: the shell of [`replication::Member`] (`docs/replication.md`, "The shell").
//!
//! One thread ([`owner`]) owns the core and hears of everything by one queue; [`links`] are the ways to other members, [`incoming`] the
//! streams of others; [`copies`] reads batches for others; [`disk`] is the store. A collector alone goes the same way, with no link.

mod act;
mod claims;
mod copies;
mod counts;
mod disk;
mod fronted;
mod incoming;
mod links;
mod owner;
mod pace;
mod parked;
mod span_writer;
mod turns;

use crate::acks::{Answered, InFlight, Why};
use crate::config::Copying;
use crate::control_plane::{ClusterSettings, ClusterView, ControlPlane, ControlPlaneError};
use bytes::Bytes;
use copies::Copies;
use counts::Counts;
use disk::Disk;
use event::Hlc;
use fronted::{Fronted, OwnFrames};
use host::{CancellationToken, Registry};
use links::Links;
use owner::{Owner, Told};
use pace::Pace;
use parking_lot::{Mutex, RwLock};
use placement::{MemberId, ShardMap};
use replication::codec::Hello;
use replication::{Bugs, Member, Start};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Instant;
use store::{Marker, Store, StoreError};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, watch};
use transport::{MessageReader, RecvStream, Ways};

pub(crate) use owner::WrittenMetrics;

/// Bytes of a message between members; the longest are copies of merged spans.
pub(crate) const STREAM_BYTES_MAX: usize = 48 << 20;

/// How this member stands: what an answer of it is worth.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// The map that it has durably adopted; epoch 0: none yet.
    pub map: Arc<ShardMap>,
    /// Its disk never lost what it held.
    pub whole: bool,
    /// A write failed: it takes none until a restart.
    pub stopped: bool,
    /// Its shards, held by others too, that were not compared with them since it started.
    pub uncompared: usize,
}

/// Replication of this collector. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Replicas(Arc<Inner>);

struct Inner {
    me: MemberId,
    cluster: u128,
    inputs: Sender<Told>,
    links: Links,
    counts: Arc<Counts>,
    view: watch::Receiver<Arc<ClusterView>>,
    adopted: Arc<RwLock<Arc<Adopted>>>,
    writing: owner::UnderWay,
    /// Bytes that are decompressed at once, in the whole process.
    decode: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    copies_received: Arc<Semaphore>,
    /// The core's, then the one that has what the core wants of the disk.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

/// What replication is made of.
pub(crate) struct Parts<'a> {
    pub(crate) store: Arc<Store>,
    pub(crate) control: Arc<dyn ControlPlane>,
    pub(crate) settings: ClusterSettings,
    pub(crate) copying: Copying,
    pub(crate) ways: Ways,
    /// Time of this start: no other of this member has it.
    pub(crate) life: Hlc,
    pub(crate) decode: Arc<Semaphore>,
    pub(crate) registry: &'a Registry,
    pub(crate) written: WrittenMetrics,
    pub(crate) stop: CancellationToken,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unable {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    #[error("no thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the mark of the disk: {0}")]
    Mark(ControlPlaneError),
    #[error("interrupted at start")]
    Interrupted,
}

impl Replicas {
    /// Starts with what is on the disk, and with the cluster as it is seen now.
    pub(crate) async fn start(parts: Parts<'_>) -> Result<Self, Unable> {
        let (me, cluster) = (MemberId(parts.settings.member), parts.settings.cluster);
        let counts = Arc::new(Counts::new(parts.registry)?);
        let mut view = parts.control.cluster();
        let seen = Arc::clone(&view.borrow_and_update());
        let (disk, span_writer) = Disk::new(parts.store)?;
        let (reading, newest) = (disk.clone(), Arc::clone(&seen.map));
        let read = tokio::task::spawn_blocking(move || at_start(&reading, newest)).await;
        let (map, hints, marker) = read.map_err(|_| Unable::Interrupted)??;
        let worth = marked(&disk, marker, parts.control.as_ref(), &parts.settings, parts.life).await?;
        if worth != replication::Disk::Whole {
            tracing::error!(
                ?worth,
                "the disk is not the one on which this member confirmed: it is never counted again under its id"
            );
        }
        let start = Start {
            me,
            life: parts.life.0,
            disk: worth,
            map,
            hints,
            zones: BTreeMap::new(),
            gone: std::collections::BTreeSet::new(),
        };
        let config = parts.copying.config();
        let started = Instant::now();
        let member = Member::new(started.elapsed(), start, config, Bugs::NONE);
        let hello = Hello {
            cluster,
            member: me,
            life: parts.life.0,
        };
        let links = Links::new(parts.ways, hello, Arc::clone(&counts), parts.stop.clone());
        let (inputs, told) = std::sync::mpsc::channel();
        let adopted = Arc::new(RwLock::new(Arc::new(Adopted {
            map: Arc::default(),
            whole: false,
            stopped: false,
            uncompared: 0,
        })));
        let writing = Arc::default();
        let pace = Pace::new(parts.copying.copy_bytes_per_second);
        let copies = Copies::new(disk.clone(), links.clone(), Arc::clone(&counts), pace)?;
        let owner = Owner {
            me,
            member,
            config,
            started,
            copies,
            disk,
            links: links.clone(),
            own: OwnFrames::default(),
            parked: parked::Parked::default(),
            jobs: BTreeMap::new(),
            writing: Arc::clone(&writing),
            again: HashMap::new(),
            adopted: Arc::clone(&adopted),
            control: parts.control,
            proposing: Arc::default(),
            asking_map: Arc::default(),
            runtime: tokio::runtime::Handle::current(),
            inputs: inputs.clone(),
            counts: Arc::clone(&counts),
            written: parts.written,
        };
        owner.publish();
        let thread = std::thread::Builder::new()
            .name("replicas".to_owned())
            .spawn(move || owner.run(&told))?;
        let _ = inputs.send(Told::View(seen));
        tokio::spawn(follow(view.clone(), inputs.clone(), parts.stop));
        Ok(Self(Arc::new(Inner {
            me,
            cluster,
            inputs,
            links,
            counts,
            view,
            adopted,
            writing,
            decode: parts.decode,
            waiting: Arc::new(Semaphore::new(incoming::WAITING_BYTES_MAX)),
            copies_received: Arc::new(Semaphore::new(incoming::COPIES_AT_ONCE)),
            threads: Mutex::new(vec![thread, span_writer]),
        })))
    }

    /// Takes in an agent's frame. What becomes of it is told to `to`.
    pub(crate) fn front(&self, in_flight: InFlight, to: UnboundedSender<Answered>) {
        let sections = claims::sections_of(&in_flight.frame);
        let fronted = Fronted {
            in_flight,
            sections,
            to,
        };
        if let Err(refused) = self.0.inputs.send(Told::Frame(fronted))
            && let Told::Frame(Fronted { in_flight, to, .. }) = refused.0
        {
            let why = Why::Stopped;
            let _ = to.send(Answered::Back { in_flight, why });
        }
    }

    /// Takes a stream of another member until it ends. `first` is its first message.
    pub(crate) async fn take_stream(&self, first: &Bytes, reader: MessageReader<RecvStream>) {
        incoming::take(self, first, reader).await;
    }

    /// How this member stands.
    pub(crate) fn adopted(&self) -> Arc<Adopted> {
        Arc::clone(&self.0.adopted.read())
    }

    /// Ends the threads. What is under way is not answered.
    pub(crate) async fn stop(&self) {
        let _ = self.0.inputs.send(Told::Stop);
        let threads = std::mem::take(&mut *self.0.threads.lock());
        for thread in threads {
            if !matches!(
                tokio::task::spawn_blocking(move || thread.join()).await,
                Ok(Ok(()))
            ) {
                tracing::error!("a thread of replication panicked");
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = self.inputs.send(Told::Stop);
    }
}

/// What the disk says of itself.
type OnDisk = (
    Arc<ShardMap>,
    Vec<(MemberId, replication::Section)>,
    Option<Marker>,
);

/// The map, the hints and the marker of the disk. A later map that is known by now is kept at once.
fn at_start(disk: &Disk, newest: Arc<ShardMap>) -> Result<OnDisk, StoreError> {
    let kept = disk.map()?.unwrap_or_default();
    let map = if newest.epoch > kept.epoch {
        disk.keep_map(&newest)?;
        newest
    } else {
        Arc::new(kept)
    };
    Ok((map, disk.hints()?, disk.marker()?))
}

/// What the disk is worth. A member's first disk is marked, synced, before it confirms anything, and the mark is remembered beside the
/// member's identity: a later disk without it is not the one on which it confirmed.
async fn marked(
    disk: &Disk,
    found: Option<Marker>,
    control: &dyn ControlPlane,
    settings: &ClusterSettings,
    life: Hlc,
) -> Result<replication::Disk, Unable> {
    let (cluster, member) = (settings.cluster, settings.member);
    let remembered = control.disk_mark();
    let mark = match (found, remembered) {
        (Some(found), _) if (found.cluster, found.member) != (cluster, member) => {
            return Ok(replication::Disk::Foreign);
        }
        (Some(found), Some(remembered)) if found.incarnation != remembered => {
            return Ok(replication::Disk::Foreign);
        }
        (Some(_), Some(_)) => return Ok(replication::Disk::Whole),
        (None, Some(_)) => return Ok(replication::Disk::Lost),
        (Some(found), None) => found,
        (None, None) => {
            let mark = Marker {
                cluster,
                member,
                incarnation: life.0,
            };
            let disk = disk.clone();
            let marked = tokio::task::spawn_blocking(move || disk.mark(mark)).await;
            marked.map_err(|_| Unable::Interrupted)??
        }
    };
    let kept = control.remember_disk(mark.incarnation).await;
    kept.map_err(Unable::Mark)?;
    Ok(replication::Disk::Whole)
}

/// Tells the thread whenever the cluster changes.
async fn follow(mut view: watch::Receiver<Arc<ClusterView>>, inputs: Sender<Told>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = view.changed() => if changed.is_err() { return },
        }
        let seen = Arc::clone(&view.borrow_and_update());
        if inputs.send(Told::View(seen)).is_err() {
            return;
        }
    }
}
