//! Three coordinators whose leaders are killed and paused while clients write and read through all of them: the history must be linearizable, and a
//! new leader soon there. In the end a mistake is planted, which the check must find.

mod check;
mod clients;
mod place;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use check::{Did, Op, Verdict};
use clients::{Clients, KEYS, Reads};
use place::Place;
use serde_json::Value;
use testbed::{Door, TempDir, wait_for};

use super::chance::Chance;
use super::{count, most, none, some};

const SOON: Duration = Duration::from_mins(1);
/// States that the check looks at for each register.
const STATES_MAX: u64 = 20_000_000;
/// Times that the planted mistake is tried before it counts as not found.
const PLANTS: u32 = 5;

/// Registers' values.
type Values = BTreeMap<u64, u32>;

struct Group {
    places: Vec<Place>,
    chance: Chance,
    /// Until both others name a new leader, seconds, when both followed the old one.
    elected: Vec<f64>,
    /// The same when one of them did not, or not yet: then there is no quorum before it does.
    elected_alone: Vec<f64>,
    pauses: u64,
    _folder: TempDir,
}

impl Group {
    fn start(seed: u64) -> Result<Self> {
        let folder = TempDir::new()?;
        place::certificates(folder.path())?;
        let first = Place::new(folder.path(), "a", None)?;
        let join = Some(first.quic());
        let mut places = vec![first];
        for name in ["b", "c"] {
            places.push(Place::new(folder.path(), name, join)?);
        }
        places.iter_mut().try_for_each(Place::start)?;
        Ok(Self {
            places,
            chance: Chance::new(seed),
            elected: Vec::new(),
            elected_alone: Vec::new(),
            pauses: 0,
            _folder: folder,
        })
    }

    fn doors(&self) -> Vec<Door> {
        self.places.iter().map(Place::door).collect()
    }

    fn values(&self) -> Result<Values> {
        let status = wait_for("a current read", SOON, || {
            Ok(self.places[0].door().json("/api/v1/cluster?current=true").ok())
        })?;
        Ok(clients::weights(&status)?.into_iter().collect())
    }

    /// Which place leads, and its id.
    fn leader(&self) -> Result<(usize, u64)> {
        wait_for("a leader", SOON, || {
            let leads = |p: &Place| p.leader().filter(|(id, leader)| id == leader);
            let mut found = self.places.iter().enumerate();
            Ok(found.find_map(|(at, p)| leads(p).map(|(id, _)| (at, id))))
        })
    }

    /// Waits until both others name another leader.
    fn other_leader(&self, at: usize, old: u64) -> Result<Duration> {
        let began = Instant::now();
        let others = || (0..self.places.len()).filter(|n| *n != at);
        let named = |n: usize| self.places[n].leader().is_some_and(|(_, leader)| leader != old);
        while !others().all(named) {
            if began.elapsed() > SOON {
                bail!("no new leader within {} s", SOON.as_secs());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(began.elapsed())
    }

    /// Do all others follow the leader?
    fn followed(&self, leader: (usize, u64)) -> bool {
        let others = self.places.iter().enumerate().filter(|(at, _)| *at != leader.0);
        let follows = |place: &Place| place.leader().is_some_and(|(_, named)| named == leader.1);
        others.into_iter().all(|(_, place)| follows(place))
    }

    /// Kills the leader and starts it again; before or after that somebody is paused, half of the times. Three times of four it waits until
    /// both others follow: else, often, one of them is only starting.
    fn kill(&mut self) -> Result<()> {
        self.chance.sleep_ms(100, 500);
        if self.chance.within(0, 4) > 0 {
            wait_for("both others to follow", SOON, || {
                Ok(self.followed(self.leader()?).then_some(()))
            })?;
        }
        let (at, id) = self.leader()?;
        let followed = self.followed((at, id));
        self.places[at].kill()?;
        let took = self.other_leader(at, id)?.as_secs_f64();
        if followed {
            self.elected.push(took);
        } else {
            self.elected_alone.push(took);
        }
        self.chance.sleep_ms(0, 400);
        self.places[at].start()?;
        if self.chance.within(0, 2) == 0 {
            self.pause()?;
        }
        Ok(())
    }

    /// Stops a member for a while, mostly the leader, which does not know that it leads no more when it goes on.
    fn pause(&mut self) -> Result<()> {
        let (leader, _) = self.leader()?;
        let at = if self.chance.within(0, 3) == 0 {
            (leader + 1) % 3
        } else {
            leader
        };
        self.places[at].pause(true)?;
        self.chance.sleep_ms(800, 2_500);
        self.places[at].pause(false)?;
        self.pauses += 1;
        Ok(())
    }
}

/// Kills the leader so many times.
pub fn run(kills: u32, seed: u64) -> Result<Vec<Value>> {
    let mut group = Group::start(seed)?;
    let initial = group.values()?;
    let clients = Clients::start(group.doors(), Reads::Current, seed, 1_000);
    group.pause()?;
    for _ in 0..kills {
        group.kill()?;
    }
    let (history, next) = clients.end()?;
    let checked = check(&history, &initial);
    let planted = plant(&mut group, seed, next)?;
    let of = |wanted: fn(&Op) -> bool| history.iter().filter(|op| wanted(op)).count() as u64;
    let unknown = of(|op| op.returned.is_none());
    let at = |percent| rank(&group.elected, percent);
    Ok(vec![
        some("leaders killed", u64::from(kills), 1),
        some("members paused", group.pauses, 1),
        some("reads", of(|op| matches!(op.did, Did::Read(_))), 50),
        some("writes", of(|op| matches!(op.did, Did::Write(_))), 30),
        count("writes of unknown outcome", unknown),
        count("states looked at", checked.states),
        none("registers that are not linearizable", checked.violated),
        none("registers undecided", checked.undecided),
        some(
            "planted: a member's own copy taken for current, found",
            planted,
            1,
        ),
        some("killed while both others followed", group.elected.len() as u64, 1),
        most("new leader, median", at(50), "s", 3.0),
        most("new leader, p99", at(99), "s", 3.0),
        most("new leader, slowest", at(100), "s", 10.0),
        count(
            "killed while one of the others did not",
            group.elected_alone.len() as u64,
        ),
        most(
            "new leader then, slowest",
            rank(&group.elected_alone, 100),
            "s",
            10.0,
        ),
    ])
}

/// Nearest rank; 0 of none.
fn rank(all: &[f64], percent: usize) -> f64 {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(at).copied().unwrap_or_default()
}

#[derive(Debug, Default)]
struct Checked {
    states: u64,
    violated: u64,
    undecided: u64,
}

fn check(history: &[Op], initial: &Values) -> Checked {
    let mut checked = Checked::default();
    for key in 1..=KEYS {
        let of_key: Vec<Op> = history.iter().filter(|op| op.key == key).copied().collect();
        let first = initial.get(&key).copied().unwrap_or_default();
        match check::register(&of_key, first, STATES_MAX) {
            Verdict::Linearizable(states) => checked.states += states,
            Verdict::Undecided => checked.undecided += 1,
            Verdict::Violated(why) => {
                println!("member {key}'s weight: {why}");
                checked.violated += 1;
            }
        }
    }
    checked
}

/// Reads of members' own copies are taken for current ones: 1 if the check finds that out.
fn plant(group: &mut Group, seed: u64, next: u32) -> Result<u64> {
    let mut next = next;
    for round in 0..PLANTS {
        let initial = group.values()?;
        let clients = Clients::start(group.doors(), Reads::Watched, seed + u64::from(round), next);
        group.pause()?;
        thread::sleep(Duration::from_secs(1));
        let (history, unwritten) = clients.end().context("with the mistake planted")?;
        next = unwritten;
        if check(&history, &initial).violated > 0 {
            return Ok(1);
        }
    }
    Ok(0)
}
