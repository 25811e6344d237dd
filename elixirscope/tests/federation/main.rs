//! Releases of one project side by side, in a cluster of three members of which one took the upload: every captured literal resolves, at every
//! member and at every moment, to the source whose text has it. Long form: `cargo xtask faults deploys`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod oracle;
mod releases;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use oracle::Watch;
use releases::{Releases, beam};
use serde_json::Value;
use testbed::{AgentOptions, Bed, Child, Door, Shop, ShopNode, ShopOptions, Signal, wait_for};

const SOON: Duration = Duration::from_mins(1);

/// Three members, each with an agent, each of which has a copy of each shard.
struct Cluster {
    beds: Vec<Bed>,
    members: Vec<Child>,
}

impl Cluster {
    fn start() -> Result<Self> {
        let program = Path::new(env!("CARGO_BIN_EXE_elixirscope"));
        let first = Bed::new(program)?;
        let mut members = vec![first.up(true, &["--no-otlp", "--replicas", "3", "--zone", "z0"])?];
        let tls = first.path().join("data/tls");
        let through = first.quic_address();
        let mut beds = vec![first];
        for zone in ["z1", "z2"] {
            let bed = Bed::new(program)?;
            let tls = tls.to_string_lossy().into_owned();
            members.push(bed.up(
                true,
                &["--no-otlp", "--join", &through, "--zone", zone, "--tls", &tls],
            )?);
            beds.push(bed);
        }
        let cluster = Self { beds, members };
        let three = |held: &Value| held.as_array().is_some_and(|h| h.len() == 3);
        wait_for("three copies of each shard", SOON, || {
            let status = cluster.beds[2].door().json("/api/v1/cluster")?;
            let holders = status["shard_map"]["holders"].as_array();
            let moving = status["shard_map"]["moving"].as_array().map_or(1, Vec::len);
            Ok((moving == 0 && holders.is_some_and(|h| h.iter().all(three))).then_some(()))
        })?;
        Ok(cluster)
    }

    fn doors(&self) -> Vec<Door> {
        self.beds.iter().map(Bed::door).collect()
    }
}

/// Uploads a project to the first member only; the answer says what was sent.
fn sync(cluster: &Cluster, project: &Path) -> Result<()> {
    let mut command = cluster.beds[0].program(&["sync"]);
    let output = command.arg(project).args(["--project", "shop"]).output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// A node of a release. With `load` it is the web node, which sends orders.
fn node(shop: &Shop, bed: &Bed, role: &str, project: &Path, load: Option<&str>) -> Result<ShopNode> {
    let seconds = load.unwrap_or_default();
    let args = ["--rate", "5", "--seconds", seconds].map(str::to_owned);
    let options = ShopOptions {
        project: Some(project.to_owned()),
        args: load.map(|_| args.to_vec()).unwrap_or_default(),
        ..ShopOptions::default()
    };
    shop.start(bed, role, &options)
}

/// Is it the long form?
fn long() -> bool {
    std::env::var("ELIXIRSCOPE_DEPLOYS").is_ok_and(|form| form == "long")
}

/// Scenario: five and more nodes (two shops; in the short form one shop of three) run three releases of one project at once, each release uploaded
/// to one member of three. A module is loaded hot, then rolled back to the code before; one release's beams are stripped; (long form) the second
/// shop's agent is cut off for seconds, keeps what its nodes say and brings it after the deploys. All along every member is asked for the latest traces.
/// Guarantee: at every member every captured literal resolves to a syntax node of the source that has it, none to another version, from its first
/// answer on; nothing is dropped on nodes; in the end all members say the same.
#[test]
#[ignore = "a minute or two: cargo xtask faults deploys"]
fn every_member_resolves_every_event_to_the_release_that_emitted_it() -> Result<()> {
    let began = Instant::now();
    let cluster = Cluster::start()?;
    let shop = Shop::build(&workspace(), cluster.beds[0].path())?;
    let releases = Releases::build(&shop)?;
    for project in releases.all() {
        sync(&cluster, project)?;
    }
    println!(
        "members, builds and uploads: {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let [one, two, stripped] = releases.all();
    let seconds = if long() { "60" } else { "20" };
    let _stock = node(&shop, &cluster.beds[1], "stock", two, None)?;
    let _pay = node(&shop, &cluster.beds[2], "pay", stripped, None)?;
    let mut web = node(&shop, &cluster.beds[0], "web", one, Some(seconds))?;
    let watch = Watch::start(cluster.doors());
    let mut second = long()
        .then(|| Second::start(&cluster, &shop, &releases, seconds))
        .transpose()?;
    watch.until_seen(&["stock:release-2", "pay:release-3", "web:release-1"])?;
    if let Some(second) = &second {
        watch.until_seen(&[
            "second-stock:release-1",
            "second-pay:release-2",
            "second-web:release-3",
        ])?;
        second.cut_off();
    }
    let cut_off = Watch::marked();
    // A hot load of the third release's module, and back.
    shop.load("stock", &beam(stripped, "Release"))?;
    watch.until_seen(&["stock:release-3"])?;
    shop.load("stock", &beam(two, "Release"))?;
    watch.until_seen_after("stock:release-2", Watch::marked())?;
    let returned = Watch::marked();
    if let Some(second) = &mut second {
        second.returns()?;
    }
    let ended = web.child.wait(Duration::from_mins(2))?;
    ensure!(
        ended.success(),
        "orders were not answered: {}",
        web.child.output()
    );
    nothing_dropped(&shop)?;
    let seen = watch.end(&cluster.doors())?;
    for (label, events) in &seen {
        println!("{label}: {} events", events.len());
    }
    if second.is_some() {
        let meanwhile = seen["second-web:release-3"].values();
        let meanwhile = meanwhile.filter(|t| (cut_off..returned).contains(*t)).count();
        println!(
            "cut off for {:.1} s: {meanwhile} events of that time came later",
            (returned - cut_off) as f64 / 1e6
        );
        ensure!(
            meanwhile > 0,
            "nothing happened while the second shop was cut off"
        );
    }
    drop(cluster.members);
    Ok(())
}

/// A second shop of three nodes, whose agent runs apart and can be cut off.
struct Second {
    agent: Child,
    _nodes: [ShopNode; 2],
    web: ShopNode,
    shop: Shop,
    _bed: Bed,
}

impl Second {
    fn start(cluster: &Cluster, shop: &Shop, releases: &Releases, seconds: &str) -> Result<Self> {
        let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope")))?;
        std::fs::create_dir_all(bed.path().join("data"))?;
        std::os::unix::fs::symlink(
            cluster.beds[0].path().join("data/tls"),
            bed.path().join("data/tls"),
        )?;
        let collectors: Vec<String> = cluster.beds.iter().map(Bed::quic_address).collect();
        let args = vec!["--collector".to_owned(), collectors.join(",")];
        let agent = bed.agent(&AgentOptions { args })?;
        let shop = shop.beside(bed.path(), "second")?;
        let [one, two, stripped] = releases.all();
        let nodes = [
            node(&shop, &bed, "stock", one, None)?,
            node(&shop, &bed, "pay", two, None)?,
        ];
        let web = node(&shop, &bed, "web", stripped, Some(seconds))?;
        Ok(Self {
            agent,
            _nodes: nodes,
            web,
            shop,
            _bed: bed,
        })
    }

    /// From now on its agent neither reads nor sends.
    fn cut_off(&self) {
        self.agent.signal(Signal::STOP);
    }

    /// The agent goes on; the nodes lost nothing by then.
    fn returns(&mut self) -> Result<()> {
        self.agent.signal(Signal::CONT);
        let ended = self.web.child.wait(Duration::from_mins(2))?;
        ensure!(ended.success(), "orders of the second shop were not answered");
        nothing_dropped(&self.shop)
    }
}

fn nothing_dropped(shop: &Shop) -> Result<()> {
    for role in ["stock", "pay"] {
        let stats = shop.stats(role)?;
        let dropped = stats["dropped"].as_object().into_iter().flatten();
        let dropped: u64 = dropped.filter_map(|(_, v)| v.as_u64()).sum();
        ensure!(dropped == 0, "{role} dropped events: {stats}");
    }
    Ok(())
}

fn workspace() -> std::path::PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..")
}
