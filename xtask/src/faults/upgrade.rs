//! The release before this one is rolled out and taken back under load, member by member, until it is final: programs of both in one cluster,
//! with what each wrote read by the other. Then `cluster finalize`, and what the later formats change must be there; the older program must say
//! that it is too old.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::wait_for;

use super::acks::{self, quantile};
use super::chance::{Chance, derived};
use super::ensemble::{EQUAL, Ensemble, held_same, loopback};
use super::load::Pace;
use super::member::Kind;
use super::{count, most, none, programs, some};
use crate::run;

/// Events a second, of all producers.
const RATE: u32 = 10_000;
const PRODUCERS: u32 = 6;
const RETRY_SECONDS: u32 = 180;
/// Seconds of load around the replacement of all three programs.
const ROLL_SECONDS: u32 = 30;
/// Longest wait for a program that is too old to say so.
const REFUSES: std::time::Duration = std::time::Duration::from_mins(1);

struct Upgrade {
    cluster: Ensemble,
    chance: Chance,
    seed: u64,
    rolls: u64,
    acked: u64,
    slowest: f64,
    unfit: u64,
    late: Vec<f64>,
    sums: Vec<Value>,
}

impl Upgrade {
    /// Three members of the older program, which found the cluster in its format.
    fn start(previous: &Path, seed: u64) -> Result<Self> {
        let mut cluster = Ensemble::new(&["--memory-mib", "64", "--log", "warn"])?;
        for _ in 0..3 {
            cluster
                .add(Kind::Up, loopback()?, &[])?
                .runs_of(Some(previous.to_owned()));
        }
        cluster.start()?;
        Ok(Self {
            cluster,
            chance: Chance::new(seed),
            seed,
            rolls: 0,
            acked: 0,
            slowest: 0.0,
            unfit: 0,
            late: Vec::new(),
            sums: Vec::new(),
        })
    }

    /// Under load, all members run the programs of `folder`, one after the other; one of three is killed instead of stopped. After each,
    /// `between`. Then all hold all.
    fn roll(
        &mut self,
        folder: Option<&Path>,
        mut between: impl FnMut(&mut Ensemble, usize) -> Result<()>,
    ) -> Result<()> {
        let file = self.cluster.path().join("acks");
        let pace = Pace {
            rate: Some(RATE),
            seconds: ROLL_SECONDS,
            retry_seconds: RETRY_SECONDS,
            seed: derived(self.seed, self.rolls),
        };
        let load = self.cluster.load(&pace, PRODUCERS, Some(&file))?;
        self.cluster.under_load()?;
        let killed = self.chance.within(0, 3);
        for at in 0..self.cluster.members.len() {
            self.chance.sleep_ms(100, 800);
            let member = &mut self.cluster.members[at];
            if at as u64 == killed {
                member.kill()?;
            } else {
                self.unfit += u64::from(!member.stop()?);
            }
            member.runs_of(folder.map(Path::to_owned));
            member.start()?;
            between(&mut self.cluster, at)?;
        }
        let report = load.report()?;
        self.acked += report.counted("acked")?;
        super::kills::add(&mut self.sums, report.nothing_lost()?);
        self.late.extend(acks::read(&file)?.iter().map(|ack| ack.late));
        self.slowest = self.slowest.max(self.cluster.until_equal(self.acked, EQUAL)?);
        self.rolls += 1;
        Ok(())
    }

    fn in_force(&self) -> Result<u64> {
        let formats = self.cluster.members[0].json("/api/v1/cluster/formats")?;
        formats["in_force"].as_u64().context("no format is in force")
    }

    /// Formats of all stores.
    fn stores(&self) -> Result<Vec<f64>> {
        let of = |member: &super::member::Member| member.metric("elixirscope_store", &["what=\"format\""]);
        self.cluster.members.iter().map(of).collect()
    }
}

/// Forth and back so many times, then forth for good.
pub fn run(times: u32, previous: Option<&Path>, seed: u64) -> Result<Vec<Value>> {
    let previous = previous.map_or_else(build_previous, |folder| Ok(folder.to_owned()))?;
    let mut upgrade = Upgrade::start(&previous, seed)?;
    let old = upgrade.in_force()?;
    let mut early = 0_u64;
    for n in 1..=times {
        upgrade.roll(None, |cluster, at| {
            if at + 1 < cluster.members.len() {
                // Others are old yet.
                let asked = cluster.members[at].command(&["cluster", "finalize"]);
                early += u64::from(asked.is_ok());
            }
            Ok(())
        })?;
        upgrade.roll(Some(&previous), |_, _| Ok(()))?;
        println!(
            "{n} of {times} times forth and back, {} events acknowledged and held by all",
            upgrade.acked
        );
    }
    upgrade.roll(None, |_, _| Ok(()))?;
    let stores_before = upgrade.stores()?;
    if upgrade.in_force()? != old {
        bail!("the format was raised by nobody");
    }
    upgrade.cluster.members[0].command(&["cluster", "finalize"])?;
    let new = upgrade.in_force()?;
    let raised = wait_for("stores in the later format", EQUAL, || {
        let now = upgrade.stores()?;
        let all = now.iter().zip(&stores_before).all(|(now, before)| now > before);
        Ok(all.then_some(now))
    })?;
    let refused = refused(&mut upgrade, &previous)?;
    // Everything again, under load, in the new formats.
    upgrade.roll(None, |_, _| Ok(()))?;
    let Upgrade {
        cluster,
        acked,
        slowest,
        unfit,
        late,
        sums,
        rolls,
        ..
    } = upgrade;
    cluster.stop()?;
    let mut figures = vec![
        some(
            "times all three programs were replaced",
            rolls,
            u64::from(times) * 2 + 2,
        ),
        none("of these, members that did not end by themselves in 15 s", unfit),
        none("finalized while an older program ran", early),
        some("format in force in the end", new, old + 1),
        some("stores in a later format in the end", raised.len() as u64, 3),
        some(
            "the older program, started then, says that it is too old",
            refused,
            1,
        ),
        count("events held by all three in the end", acked),
        most("acknowledged after, p99", quantile(late.clone(), 0.99), "s", 5.0),
        most("acknowledged after, the last", quantile(late, 1.0), "s", 10.0),
        held_same(slowest),
    ];
    figures.extend(sums);
    Ok(figures)
}

/// Starts the older program in place of the newer one; it must end by itself and name both formats.
fn refused(upgrade: &mut Upgrade, previous: &Path) -> Result<u64> {
    let member = &mut upgrade.cluster.members[1];
    member.stop()?;
    member.runs_of(Some(previous.to_owned()));
    member.start_soon()?;
    let said = wait_for("the older program to end", REFUSES, || {
        Ok(member.alive().err().map(|error| format!("{error:#}")))
    })?;
    member.kill()?;
    member.runs_of(None);
    member.start()?;
    if !said.contains("format") {
        bail!("the older program ended without a word about formats: {said}");
    }
    Ok(1)
}

/// The programs of the last tag, built in the same target folder, where most of what they need is built already.
fn build_previous() -> Result<PathBuf> {
    let no_tag =
        "no release to come from: there is no tag; name a folder with its programs (`--previous FOLDER`)";
    let tag = run::output(&mut run::command("git", &["describe", "--tags", "--abbrev=0"])).context(no_tag)?;
    let tag = tag.trim();
    let (tree, programs) = (
        run::target().join("previous"),
        run::target().join(format!("programs-{tag}")),
    );
    let made = programs.join("elixirscope");
    if made.exists() {
        return Ok(programs);
    }
    println!("builds {tag}, the release before");
    let at = tree.display().to_string();
    if !tree.exists() {
        run::check(&mut run::command(
            "git",
            &["worktree", "add", "--force", "--detach", &at, tag],
        ))?;
    }
    run::check(&mut run::command(
        "git",
        &["-C", &at, "checkout", "--detach", tag],
    ))?;
    let target = run::target();
    // The whole workspace, so that RocksDB's features are the same, and it is not built again.
    let mut build = run::cargo(&["build", "--workspace", "--bins"]);
    build.current_dir(&tree).env("CARGO_TARGET_DIR", &target);
    run::check(&mut build)?;
    std::fs::create_dir_all(&programs)?;
    std::fs::copy(target.join("debug").join("elixirscope"), &made)
        .with_context(|| format!("the program of {tag}"))?;
    // What stands there now is the release before: the one under test is built again.
    run::check(&mut run::cargo(&["build", "--workspace", "--bins"]))?;
    programs::from(None)?;
    Ok(programs)
}
