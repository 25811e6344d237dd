//! Certificates are replaced under load, again and again: all members read them, connections that live go on, new ones show the new ones.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use testbed::wait_for;

use super::chance::{Chance, derived};
use super::ensemble::{COPIES, EQUAL, Ensemble, certificates, held_same};
use super::load::{Load, Pace};
use super::member::Member;
use super::{count, none, some};

/// Events a second, of all producers.
const RATE: u32 = 5_000;
const PRODUCERS: u32 = 6;
/// Time for what is late.
const RETRY_SECONDS: u32 = 120;
/// Longest wait until a member has read new files; it looks every three seconds.
const READ: Duration = Duration::from_secs(30);
/// Seconds of one rotation.
const TIME_SECONDS: u32 = 12;
/// What a member logs when it has read them.
const SAYS: &str = "certificates were read again";
/// Each so many rotations members are told (SIGHUP) instead of left to look.
const TOLD_EACH: u32 = 3;

/// So many rotations. After each one member is killed and started, so that it and its peers greet each other with what is new, and
/// a client with the new certificate sends a little.
pub fn run(times: u32, seed: u64) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let mut cluster = Ensemble::three_that_log("info")?;
    let pace = Pace {
        rate: Some(RATE),
        seconds: times * TIME_SECONDS,
        retry_seconds: RETRY_SECONDS,
        seed,
    };
    let mut load = cluster.load(&pace, PRODUCERS, None)?;
    cluster.under_load()?;
    let (mut read, mut under_load, mut acked, mut done) = (0, 0, 0, 0);
    for number in 0..times {
        let before: Vec<usize> = cluster.members.iter().map(said).collect();
        replace(&cluster.tls())?;
        if number % TOLD_EACH == 0 {
            for member in &mut cluster.members {
                member.hang_up()?;
            }
        }
        for (member, before) in cluster.members.iter_mut().zip(before) {
            wait_for("a member to read its certificates", READ, || {
                member.alive()?;
                Ok((said(member) > before).then_some(()))
            })?;
            read += 1;
        }
        let at = usize::try_from(chance.within(0, COPIES as u64)).unwrap_or_default();
        cluster.members[at].kill()?;
        cluster.members[at].start()?;
        let little = Pace {
            rate: Some(1_000),
            seconds: 1,
            retry_seconds: RETRY_SECONDS,
            seed: derived(seed, u64::from(number) + 1),
        };
        let sent = Load::quic_to(&[], &cluster.doors(), &cluster.tls(), &little, &[])?.report()?;
        acked += sent.counted("acked")?;
        under_load += u64::from(load.goes_on(0.0)?);
        done += 1;
    }
    let report = load.report()?;
    acked += report.counted("acked")?;
    let equal = cluster.until_equal(acked, EQUAL)?;
    cluster.stop()?;
    let mut figures = vec![
        some("rotations of all certificates", done, times.into()),
        some(
            "of these, over while the load still ran",
            under_load,
            (times.saturating_sub(times / 4)).into(),
        ),
        some(
            "times that a member read new ones",
            read,
            u64::from(times) * COPIES as u64,
        ),
        count("members killed and started between them", done),
        none(
            "loads that gave something up",
            u64::from(report.counted("given_up")? > 0),
        ),
        count("events held by all three in the end", acked),
        held_same(equal),
    ];
    figures.extend(report.nothing_lost()?);
    Ok(figures)
}

fn said(member: &Member) -> usize {
    member.log().matches(SAYS).count()
}

/// New certificates and keys of the same authority, each file exchanged at once.
fn replace(tls: &Path) -> Result<()> {
    let fresh = tls.with_extension("fresh");
    fs::create_dir_all(&fresh)?;
    for authority in ["ca.pem", "ca.key"] {
        fs::copy(tls.join(authority), fresh.join(authority))?;
    }
    certificates(&fresh)?;
    for role in ["member", "agent"] {
        for kind in ["key", "pem"] {
            let file = format!("{role}.{kind}");
            if fs::read(fresh.join(&file))? == fs::read(tls.join(&file))? {
                bail!("{file} is not new");
            }
            fs::rename(fresh.join(&file), tls.join(&file))?;
        }
    }
    Ok(fs::remove_dir_all(&fresh)?)
}
