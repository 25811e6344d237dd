//! How the other members are, for the doctor: which can be reached, their clocks, releases and disks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use placement::MemberId;

use super::Shards;
use super::asker::name_of;
use crate::asked::codec::{About, Part, Question};

/// Time for all of them.
const WITHIN: Duration = Duration::from_secs(3);

/// Another member of the cluster.
#[derive(Clone, Debug)]
pub struct OtherMember {
    /// Its id.
    pub member: u64,
    /// `member 3 at 10.0.0.3:7481`.
    pub name: String,
    /// When the certificate ends that it shows, Unix seconds; or why it cannot be reached.
    pub reached: Result<Option<i64>, String>,
    /// What it says of itself, if it collects; or why it says nothing.
    pub told: Option<Result<Told, String>>,
}

/// What a member that collects says of itself.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its release.
    pub release: String,
    /// How far its clock is ahead of this member's, microseconds.
    pub ahead_us: i64,
    /// How wrong that may be, microseconds: half of the time that the question took.
    pub give_or_take_us: i64,
    /// Why its store writes nothing; none: it does.
    pub unwritable: Option<String>,
    /// Bytes of its disk that are free, and all of them.
    pub disk: (u64, u64),
}

impl Shards {
    /// How the others are that were not removed. Blocks for some seconds at most.
    pub fn others(&self) -> Vec<OtherMember> {
        let asker = &self.0;
        let view = asker.view();
        let there = view
            .members
            .iter()
            .filter(|(id, m)| !m.removed && **id != asker.me());
        let reaching = there.clone().map(|(id, known)| {
            let (ways, address) = (asker.ways.clone(), known.address.clone());
            let reached = asker.runtime.spawn(async move {
                let connection = ways.connection(&address, WITHIN).await;
                let connection = connection.map_err(|why| format!("cannot be reached ({why})"))?;
                Ok(connection.peer_certificate_ends())
            });
            (*id, reached)
        });
        let reaching: Vec<_> = reaching.collect();
        let mut reached = BTreeMap::new();
        for (id, task) in reaching {
            let ended = asker.runtime.block_on(task);
            reached.insert(id, ended.unwrap_or_else(|why| Err(why.to_string())));
        }
        let reaches = |id: &MemberId| reached.get(id).is_some_and(Result::is_ok);
        let asked: Vec<_> = there
            .clone()
            .filter(|(id, known)| known.collects && reaches(id))
            .map(|(id, _)| (*id, Vec::new(), Question::About))
            .collect();
        let mut told: BTreeMap<MemberId, Told> = BTreeMap::new();
        // One after the other: how long each takes says how far its clock may be off.
        let mut failed = BTreeMap::new();
        for one in asked {
            let (began, before) = (Instant::now(), host::now());
            let mut heard = None;
            let why = asker.each_of(
                &view,
                view.map.epoch,
                began + WITHIN,
                &[one],
                &mut |member, part| {
                    if let Part::About(about) = part {
                        heard = Some((member, about, began.elapsed()));
                    }
                },
            );
            failed.extend(why);
            if let Some((member, about, took)) = heard {
                told.insert(member, of(about, before.0, took));
            }
        }
        let others = there.map(|(id, known)| OtherMember {
            member: id.0,
            name: name_of(*id, &view),
            reached: reached
                .get(id)
                .cloned()
                .unwrap_or_else(|| Err("was not asked".to_owned())),
            told: (known.collects && reaches(id)).then(|| {
                let why = || {
                    failed
                        .get(id)
                        .cloned()
                        .unwrap_or_else(|| "said nothing".to_owned())
                };
                told.get(id).cloned().ok_or_else(why)
            }),
        });
        others.collect()
    }
}

/// Its clock was read in the middle of the time that the question took, give or take half of it (Cristian 1989).
fn of(about: About, before_us: u64, took: Duration) -> Told {
    let half = i64::try_from(took.as_micros() / 2).unwrap_or(i64::MAX);
    let ahead = i128::from(about.now.0) - i128::from(before_us) - i128::from(half);
    let ends = |us: i128| us.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Told {
        release: about.release,
        ahead_us: i64::try_from(ends(ahead)).unwrap_or_default(),
        give_or_take_us: half,
        unwritable: about.unwritable,
        disk: about.disk,
    }
}
