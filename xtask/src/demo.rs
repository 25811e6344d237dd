//! `cargo xtask demo`: the whole thing on one machine, with a real three-node BEAM shop under load.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::{Bed, Child, Shop, ShopNode, ShopOptions, wait_for};

use crate::{machine, run};

#[derive(clap::Args)]
pub struct Args {
    /// Show the traces and exit, instead of running until Ctrl-C.
    #[arg(long)]
    once: bool,
    /// Orders a second.
    #[arg(long, default_value_t = 20)]
    rate: u32,
}

/// How long the demo may wait for its traces.
const LIMIT: Duration = Duration::from_mins(2);
/// How long the load runs without `--once`, seconds.
const LONG: u32 = 86_400;

pub fn run(args: &Args) -> Result<()> {
    machine::for_demo()?;
    run::check(&mut run::cargo(&["build", "--package", "elixirscope", "--bins"]))?;
    let program = run::target().join("debug/elixirscope");
    let folder = run::target().join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    let (http, quic) = ports()?;
    let bed = Bed::kept(&program, &folder, http, quic)?;
    step("starting `elixirscope up` (coordinator, collector and agent in one process)");
    let mut member = bed.up(true, &[])?;
    step("building the shop and starting its nodes stock, pay and web");
    let shop = Shop::build(&run::root(), &folder)?;
    publish(&bed, &shop)?;
    let seconds = if args.once { 60 } else { LONG };
    let options = ShopOptions {
        args: [
            "--rate",
            &args.rate.to_string(),
            "--seconds",
            &seconds.to_string(),
            "--first-id",
            "100",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..ShopOptions::default()
    };
    let mut nodes = shop.start_all(&bed, &options)?;
    step("waiting for traces");
    let outcome = show(&bed, &mut nodes);
    if outcome.is_ok() && !args.once {
        println!(
            "\nRunning at {}. Try, in another terminal, with ELIXIRSCOPE_URL={}:",
            bed.door().url,
            bed.door().url
        );
        println!("  {} traces --errors", program.display());
        println!("  {} trace <id>", program.display());
        println!("  {} doctor", program.display());
        println!("Ctrl-C ends it.");
        forever(&mut member, &mut nodes)?;
    }
    for node in &mut nodes {
        node.child.stop()?;
    }
    member.stop()?;
    outcome
}

fn step(text: &str) {
    println!("==> {text}");
}

/// The default ports, or free ones if those are in use.
fn ports() -> Result<(u16, u16)> {
    let free = TcpListener::bind(("127.0.0.1", 7480)).is_ok() && UdpSocket::bind(("127.0.0.1", 7481)).is_ok();
    if free {
        return Ok((7480, 7481));
    }
    let http = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let quic = UdpSocket::bind(("127.0.0.1", 0))?.local_addr()?.port();
    step(&format!("ports 7480/7481 are in use; taking {http}/{quic}"));
    Ok((http, quic))
}

fn publish(bed: &Bed, shop: &Shop) -> Result<()> {
    step("publishing the shop's sources (`elixirscope sync`)");
    let project = shop.project().to_string_lossy().into_owned();
    let said = run::output(&mut bed.program(&["sync", &project]))?;
    print!("{said}");
    Ok(())
}

fn forever(member: &mut Child, nodes: &mut [ShopNode]) -> Result<()> {
    loop {
        thread::sleep(Duration::from_secs(1));
        if let Some(status) = member.ended()? {
            bail!("elixirscope up ended: {status}\n{}", member.output());
        }
        for node in &mut *nodes {
            if let Some(status) = node.child.ended()? {
                bail!("node {} ended: {status}\n{}", node.role, node.child.output());
            }
        }
    }
}

/// One of the traces to show.
struct Wanted {
    title: &'static str,
    found: fn(&Value) -> bool,
}

const WANTED: &[Wanted] = &[
    Wanted {
        title: "an order over three nodes",
        found: is_success,
    },
    Wanted {
        title: "order 123: asks for 10, 5 are there",
        found: is_order_123,
    },
    Wanted {
        title: "the divisor that came as nil from another node",
        found: is_nil_divisor,
    },
];

fn show(bed: &Bed, nodes: &mut [ShopNode]) -> Result<()> {
    let mut ids: Vec<Option<String>> = WANTED.iter().map(|_| None).collect();
    let mut seen = std::collections::BTreeSet::new();
    let searched = wait_for("the demo's traces", LIMIT, || {
        for node in &mut *nodes {
            if let Some(status) = node.child.ended()? {
                bail!("node {} ended: {status}\n{}", node.role, node.child.output());
            }
        }
        look(bed, &mut seen, &mut ids)?;
        Ok(ids.iter().all(Option::is_some).then_some(()))
    });
    if let Err(error) = searched {
        let logs: Vec<PathBuf> = nodes
            .iter()
            .map(|n| bed.path().join(format!("{}.log", n.role)))
            .collect();
        return Err(error.context(format!("not every trace was found; logs are in {logs:?}")));
    }
    step("elixirscope traces --errors --limit 5");
    print!(
        "{}",
        run::output(&mut bed.program(&["traces", "--errors", "--limit", "5"]))?
    );
    for (wanted, id) in WANTED.iter().zip(&ids) {
        let id = id.as_deref().unwrap_or_default();
        println!();
        step(&format!("{}: elixirscope trace {id}", wanted.title));
        print!("{}", run::output(&mut bed.program(&["trace", id]))?);
    }
    Ok(())
}

/// Fetches traces that were not looked at yet; a trace counts once it has been quiet for two seconds.
fn look(bed: &Bed, seen: &mut std::collections::BTreeSet<String>, ids: &mut [Option<String>]) -> Result<()> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_micros();
    let listing = bed.door().json("/api/v1/traces?since_s=300&limit=500")?;
    for row in listing["traces"].as_array().into_iter().flatten() {
        let id = row["trace"].as_str().unwrap_or_default().to_owned();
        let end = row["start_unix_us"].as_u64().unwrap_or_default()
            + row["duration_us"].as_u64().unwrap_or_default();
        if u128::from(end) + 2_000_000 > now || !seen.insert(id.clone()) {
            continue;
        }
        let trace = bed.door().json(&format!("/api/v1/traces/{id}"))?;
        for (wanted, slot) in WANTED.iter().zip(ids.iter_mut()) {
            if slot.is_none() && (wanted.found)(&trace) {
                *slot = Some(id.clone());
            }
        }
    }
    Ok(())
}

fn values(trace: &Value) -> impl Iterator<Item = (&str, &str)> {
    let items = trace["items"].as_array().into_iter().flatten();
    items
        .flat_map(|item| item["values"].as_array().into_iter().flatten())
        .map(|v| {
            (
                v["name"].as_str().unwrap_or_default(),
                v["text"].as_str().unwrap_or_default(),
            )
        })
}

fn is_success(trace: &Value) -> bool {
    let nodes = trace["nodes"].as_array().map_or(0, Vec::len);
    let ok = trace["items"][0]["frame"]["result"]
        .as_str()
        .is_some_and(|r| r.starts_with("{:ok"));
    nodes >= 3 && trace["calls"].as_u64() >= Some(12) && ok && trace["errors"].as_u64() == Some(0)
}

fn is_order_123(trace: &Value) -> bool {
    let order = values(trace).any(|(name, text)| name == "attributes" && text.contains("order: 123"));
    order && values(trace).any(|(_, text)| text.contains(":insufficient_stock"))
}

fn is_nil_divisor(trace: &Value) -> bool {
    let nil = values(trace).any(|(name, text)| name == "divisor" && text == "nil");
    let items = trace["items"].as_array().into_iter().flatten();
    nil && items
        .into_iter()
        .any(|i| i["error"]["exception"] == "ArithmeticError")
}
