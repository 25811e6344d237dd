//! One member's data plane: the parts put together. Inputs come one at a time; each gives what is to be done.

use crate::action::Action;
use crate::bugs::Bugs;
use crate::front::{Front, FrontConfig};
use crate::hints::{Hints, HintsConfig};
use crate::marker::Disk;
use crate::message::Message;
use crate::moves::Moves;
use crate::repair::{Compared, Pulled, Repair, RepairConfig};
use crate::replica::{Finished, Outcome, Replica};
use crate::section::Section;
use event::Shard;
use placement::{Holders, MemberId, ShardMap};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Bounds and waits.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Of frames from agents.
    pub front: FrontConfig,
    /// Of hints.
    pub hints: HintsConfig,
    /// Of comparing.
    pub repair: RepairConfig,
    /// Between two comparisons of a shard with some other holder.
    pub repair_every: Duration,
    /// Between two comparisons while a shard is taken over.
    pub takeover_every: Duration,
    /// Bytes that may wait for the disk.
    pub waiting_bytes_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            front: FrontConfig::default(),
            hints: HintsConfig::default(),
            repair: RepairConfig::default(),
            repair_every: Duration::from_mins(1),
            takeover_every: Duration::from_millis(250),
            waiting_bytes_max: 64 << 20,
        }
    }
}

/// What a member starts with: what is on its disk.
#[derive(Debug)]
pub struct Start {
    /// Who it is.
    pub me: MemberId,
    /// Which start this is: greater than at all starts before, by more than the questions and copies that one life sends, since these
    /// are numbered from it. A hybrid logical clock's time is.
    pub life: u64,
    /// What its disk is worth.
    pub disk: Disk,
    /// The map that it adopted last; the empty one at first.
    pub map: Arc<ShardMap>,
    /// Its hints.
    pub hints: Vec<(MemberId, Section)>,
    /// Whose zone is which.
    pub zones: BTreeMap<MemberId, String>,
    /// Members that will never answer again under their ids.
    pub gone: BTreeSet<MemberId>,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// An agent sent a frame.
    Frame {
        /// Over which connection.
        from: u64,
        /// The agent's map.
        epoch: u64,
        /// What is in it.
        sections: Vec<Section>,
    },
    /// Another member said something.
    Message {
        /// Who; as its certificate says.
        from: MemberId,
        /// What.
        message: Message,
    },
    /// [`Action::Write`] is done, synced.
    Written {
        /// Which.
        job: u64,
        /// For each section, in order.
        outcomes: Vec<Outcome>,
    },
    /// A write or a sync failed.
    WriteFailed {
        /// Which.
        job: u64,
    },
    /// [`Action::Compare`] was run.
    Compared(Box<Compared>),
    /// A map was learned.
    Map(Arc<ShardMap>),
    /// [`Action::KeepMap`] is done, synced.
    MapKept(u64),
    /// Time passed.
    Tick,
    /// The process is about to stop: what holders have not confirmed of what was acknowledged is to be kept as hints.
    Leave,
}

/// After a start what it held is compared this often, until each shard was, or it has tried for so long.
const CATCH_UP_EVERY: Duration = Duration::from_secs(1);
const CATCH_UP_FOR: Duration = Duration::from_mins(2);
/// The first comparisons of all are not later.
const FIRST_ROUND: Duration = Duration::from_secs(10);
/// Rounds of comparisons after which one that did not come to an end is late.
const LATE_ROUNDS: u32 = 5;

/// The data plane of one member.
#[derive(Debug)]
pub struct Member {
    me: MemberId,
    config: Config,
    front: Front,
    replica: Replica,
    hints: Hints,
    repair: Repair,
    moves: Moves,
    started: Duration,
    /// Shards that it held at its start together with others, and how often it was tried to compare each.
    at_start: BTreeMap<Shard, usize>,
    next_catch_up: Duration,
    next_repair: Duration,
    next_takeover: Duration,
    round: usize,
    /// Comparisons of this round that have not begun.
    due: VecDeque<(Shard, MemberId)>,
    /// How many comparisons of moves have been tried: where the next begin, so that each has its turn.
    turn: usize,
    todo: VecDeque<Action>,
}

impl Member {
    /// At a start of its process.
    pub fn new(now: Duration, start: Start, config: Config, bugs: Bugs) -> Self {
        let Start { me, life, .. } = start;
        let mut front = Front::new(me, life, config.front, bugs);
        front.set_zones(start.zones);
        let shards = (0u16..).map(Shard).zip(&start.map.shards);
        let at_start = shards.filter(|(_, h)| h.now.contains(&me) && h.now.len() > 1);
        let at_start = at_start.map(|(shard, _)| (shard, 0)).collect();
        let replica = Replica::new(me, start.disk, start.map, config.waiting_bytes_max, bugs);
        let mut member = Self {
            me,
            config,
            front,
            replica,
            hints: Hints::new(config.hints, life, start.hints, bugs),
            repair: Repair::new(config.repair, life, bugs),
            moves: Moves::new(me, bugs),
            started: now,
            at_start,
            next_catch_up: now + CATCH_UP_EVERY,
            // What a start may find missing is not waited for as long as what nobody expects.
            next_repair: now + config.repair_every.min(FIRST_ROUND),
            next_takeover: now,
            round: 0,
            due: VecDeque::new(),
            turn: 0,
            todo: VecDeque::new(),
        };
        member.moves.set_gone(start.gone);
        member.adopt(now);
        member.todo.clear();
        member
    }

    /// The side of the front.
    pub fn front(&self) -> &Front {
        &self.front
    }
    /// The side that writes.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }
    /// The hints.
    pub fn hints(&self) -> &Hints {
        &self.hints
    }
    /// The comparisons.
    pub fn repair(&self) -> &Repair {
        &self.repair
    }
    /// Shards that move and that this member holds, or will.
    pub fn moving(&self) -> usize {
        let moves = |h: &&Holders| h.next.is_some() && h.has(self.me);
        self.replica.map().shards.iter().filter(moves).count()
    }
    /// Shards that this member held at its start with others, and has not compared with one of them since: what it missed while it was away may
    /// not be here.
    pub fn uncompared(&self) -> usize {
        let shards = self.at_start.keys();
        shards.filter(|shard| self.is_uncompared(**shard)).count()
    }

    fn is_uncompared(&self, shard: Shard) -> bool {
        let holders = self.holders_of(shard);
        let compared = |peer: &MemberId| self.repair.ended(shard, *peer).is_some();
        holders.contains(&self.me) && holders.len() > 1 && !holders.iter().any(compared)
    }

    /// Who holds a shard now.
    fn holders_of(&self, shard: Shard) -> &[MemberId] {
        let holders = self.replica.map().holders(shard);
        holders.map_or(&[], |holders| &holders.now)
    }

    /// Copies of this member's shards on other members that could not be compared with for so many rounds as there are others, and
    /// five more.
    pub fn copies_late(&self, now: Duration) -> usize {
        let mut late = 0;
        for (shard, holders) in (0u16..).map(Shard).zip(&self.replica.map().shards) {
            let others: Vec<MemberId> = holders.all().filter(|m| *m != self.me).collect();
            let rounds = LATE_ROUNDS.saturating_add(u32::try_from(others.len()).unwrap_or(u32::MAX));
            let most = self.config.repair_every.saturating_mul(rounds);
            if holders.has(self.me) {
                let since = |peer| self.repair.ended(shard, peer).unwrap_or(self.started);
                late += others
                    .into_iter()
                    .filter(|peer| now.saturating_sub(since(*peer)) > most)
                    .count();
            }
        }
        late
    }
    /// Whose zone is which, when it changed.
    pub fn set_zones(&mut self, zones: BTreeMap<MemberId, String>) {
        self.front.set_zones(zones);
    }

    /// Members that will never answer again under their ids, when that changed.
    pub fn set_gone(&mut self, gone: BTreeSet<MemberId>) {
        self.moves.set_gone(gone);
    }

    /// When [`Input::Tick`] is due.
    pub fn wake_at(&self) -> Duration {
        let own = self.next_repair.min(self.next_takeover);
        self.front.wake_at().map_or(own, |at| at.min(own))
    }

    /// Something happened. Never reads the disk: what has to is an action.
    pub fn handle(&mut self, now: Duration, input: Input) -> Vec<Action> {
        match input {
            Input::Frame {
                from,
                epoch,
                sections,
            } => {
                let actions = self.front.accept(now, from, epoch, sections);
                self.todo.extend(actions);
            }
            Input::Message { from, message } => self.message(now, from, message),
            Input::Written { job, outcomes } => {
                let finished = self.replica.written(job, &outcomes);
                self.finished(now, finished);
            }
            Input::WriteFailed { job } => {
                let finished = self.replica.write_failed(job);
                self.finished(now, finished);
            }
            Input::Compared(compared) => self.compared(now, *compared),
            Input::Map(map) => self.todo.extend(self.replica.learn(map)),
            Input::MapKept(epoch) => {
                if self.replica.map_kept(epoch) {
                    self.adopt(now);
                }
            }
            Input::Tick => self.tick(now),
            Input::Leave => self.todo.extend(self.front.leave()),
        }
        self.settle(now)
    }

    /// Carries out what concerns this member alone; the rest is for the caller.
    fn settle(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(action) = self.todo.pop_front() {
            match action {
                Action::Send { to, message } if to == self.me => self.message(now, to, message),
                Action::Hint { to, section } if to != self.me => {
                    actions.extend(self.hints.add(to, section));
                }
                Action::Hint { .. } => {}
                Action::FetchMap(epoch) if epoch <= self.replica.map().epoch => {}
                action => actions.push(action),
            }
        }
        actions
    }

    fn message(&mut self, now: Duration, from: MemberId, message: Message) {
        match message {
            Message::Append {
                ticket,
                epoch,
                sections,
            } => self
                .todo
                .extend(self.replica.append(from, ticket, epoch, sections)),
            Message::Appended {
                ticket,
                epoch,
                verdicts,
            } => {
                let actions = self.front.appended(now, from, ticket, epoch, &verdicts);
                self.todo.extend(actions);
            }
            Message::Copy {
                copy,
                epoch,
                sections,
            } => self.todo.extend(self.replica.copy(from, copy, epoch, sections)),
            Message::Copied { copy } => self.todo.extend(self.hints.copied(now, from, copy)),
            Message::Ask { ask, shard, question } => {
                let (epoch, whole) = (self.replica.map().epoch, self.replica.is_authoritative());
                self.todo.push_back(Action::Answer {
                    to: from,
                    ask,
                    shard,
                    question,
                    epoch,
                    whole,
                });
            }
            Message::Answer { ask, answer, .. } => {
                self.todo.extend(self.repair.answered(now, from, ask, answer));
            }
            Message::Includes { shard, epoch, source } => {
                self.todo.extend(self.moves.includes(shard, epoch, from, source));
            }
        }
    }

    fn finished(&mut self, now: Duration, finished: Finished) {
        if let Some((to, message)) = finished.reply {
            self.todo.push_back(Action::Send { to, message });
        }
        if let Some((ask, whole)) = finished.pulled {
            if !whole {
                self.repair.forget(ask);
                return;
            }
            self.todo.extend(self.repair.written(now, ask));
        }
    }

    fn compared(&mut self, now: Duration, compared: Compared) {
        let next = self.repair.compared(now, self.replica.map().epoch, compared);
        self.todo.extend(next.actions);
        if let Some((ask, write)) = next.write {
            match self.replica.pull(ask, write) {
                Some(action) => self.todo.push_back(action),
                None => self.repair.forget(ask),
            }
        }
        self.pulled(next.pulled);
    }

    fn pulled(&mut self, pulled: Option<Pulled>) {
        if let Some(pulled) = pulled {
            self.todo.extend(self.moves.pulled(pulled));
        }
    }

    /// The adopted map is in force.
    fn adopt(&mut self, now: Duration) {
        let map = Arc::clone(self.replica.map());
        let actions = self.front.set_map(now, &map);
        self.todo.extend(actions);
        self.moves.set_map(&map);
        self.repair
            .keep_ended(|shard, peer| map.holders(shard).is_some_and(|h| h.has(peer)));
        if self.replica.is_authoritative() {
            self.moves.adopted_here();
        }
    }

    fn tick(&mut self, now: Duration) {
        let map = Arc::clone(self.replica.map());
        let actions = self.front.tick(now);
        self.todo.extend(actions);
        self.todo.extend(self.hints.tick(now, &map));
        self.repair.tick(now);
        if now >= self.next_takeover {
            self.next_takeover = now + self.config.takeover_every;
            let again = self.moves.again();
            self.todo.extend(again);
            let mut wanted = self.moves.wanted();
            let first = self.turn % wanted.len().max(1);
            wanted.rotate_left(first);
            for (shard, peer) in wanted {
                if self.repair.is_full() {
                    break;
                }
                self.turn = self.turn.wrapping_add(1);
                self.todo.extend(self.repair.start(now, shard, peer));
            }
        }
        if now >= self.next_repair {
            self.next_repair = now + self.config.repair_every;
            self.begin_round();
        }
        if now >= self.next_catch_up {
            self.next_catch_up = now + CATCH_UP_EVERY;
            self.catch_up(now);
        }
        while let Some(at) = self.due.iter().position(|(_, peer)| self.repair.has_room(*peer)) {
            if let Some((shard, peer)) = self.due.remove(at) {
                self.todo.extend(self.repair.start(now, shard, peer));
            }
        }
    }

    /// Compares what was not compared since the start, with its other holders in turn: who is away holds nothing up.
    fn catch_up(&mut self, now: Duration) {
        if now.saturating_sub(self.started) >= CATCH_UP_FOR {
            return;
        }
        let mut shards = std::mem::take(&mut self.at_start);
        for (shard, tried) in &mut shards {
            if !self.is_uncompared(*shard) || self.repair.goes_on(now, *shard) {
                continue;
            }
            let holders = self.holders_of(*shard);
            let turn = tried.wrapping_add(usize::from(shard.0)) % (holders.len() - 1).max(1);
            let mut others = holders.iter().copied().filter(|m| *m != self.me);
            let Some(peer) = others.nth(turn) else {
                continue;
            };
            if self.repair.has_room(peer) {
                *tried += 1;
                let asked = self.repair.start(now, *shard, peer);
                self.todo.extend(asked);
            }
        }
        self.at_start = shards;
    }

    /// Each shard that this member holds is to be compared with one of its other holders, unless the round before has not ended.
    fn begin_round(&mut self) {
        if !self.due.is_empty() {
            return;
        }
        self.round = self.round.wrapping_add(1);
        let map = Arc::clone(self.replica.map());
        for (shard, holders) in (0u16..).map(Shard).zip(&map.shards) {
            let others: Vec<MemberId> = holders.all().filter(|m| *m != self.me).collect();
            let peer = others.get(self.round % others.len().max(1));
            if let Some(peer) = peer.filter(|_| holders.has(self.me)) {
                self.due.push_back((shard, *peer));
            }
        }
    }
}
