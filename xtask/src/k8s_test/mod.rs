//! `cargo xtask k8s-test`: the rendered manifests of `overlays/production` run without a cluster. A pod is a network namespace with a new
//! address at each start, a claim is a folder, names come from a name server, and a loop plays control plane and kubelet. Not there: a
//! scheduler, network policies, liveness restarts, seccomp, cert-manager (its Secrets are made by `elixirscope cluster init`).

mod ask;
mod clients;
mod cluster;
mod manifest;
mod network;
mod operations;
mod pod;
mod story;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::cluster::{Cluster, FASTER};
use self::manifest::{Manifests, Workload};
use self::pod::Secrets;
use crate::faults::{chance, programs};
use crate::k8s::objects::{items, render_one};
use crate::k8s::tools;
use crate::{image, machine, pack, report, run};

/// Namespace of the cluster, and of the example's application.
const OURS: &str = "elixirscope";
const THEIRS: &str = "orders";

#[derive(clap::Args)]
pub struct Args {
    /// One rolling update.
    #[arg(long)]
    short: bool,
    /// Rolling updates of all six members.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Of what is drawn; printed by each run.
    #[arg(long)]
    seed: Option<u64>,
    /// Folder with `elixirscope` and `loadtest`, built already.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Folder with `elixirscope` of another release: updates go to it and back. Without it the same program is rolled.
    #[arg(long, value_name = "FOLDER")]
    other: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    if !pack::is_root() {
        bail!("k8s-test needs root: pods are network namespaces");
    }
    machine::for_k8s_test()?;
    programs::from(args.programs.as_deref())?;
    let seed = args.seed.unwrap_or_else(chance::any);
    let runs = args.runs.unwrap_or(if args.short { 1 } else { 2 });
    println!(
        "k8s-test: seed {seed}, {runs} rolling updates; periods, minReadySeconds and preStop divided by {FASTER}"
    );
    if args.other.is_none() {
        println!("no --other: each update rolls the same program");
    }
    let folder = tempfile::Builder::new().prefix("ek-").tempdir_in("/tmp")?;
    let kubectl = tools::kubectl()?;
    let rendered = |path: &str| render_one(&kubectl, &run::root().join(path));
    let manifests = Manifests::new(vec![
        rendered("k8s/overlays/production")?,
        rendered("k8s/examples/application")?,
    ]);
    let workloads = [
        manifests.workload("StatefulSet", OURS, "elixirscope-coordinator")?,
        manifests.workload("StatefulSet", OURS, "elixirscope-collector")?,
        manifests.workload("Deployment", THEIRS, "orders")?,
    ];
    let mut roots = vec![root(
        &programs::path("elixirscope"),
        &folder.path().join("image-0"),
        &workloads,
    )?];
    if let Some(other) = &args.other {
        roots.push(root(
            &other.join("elixirscope"),
            &folder.path().join("image-1"),
            &workloads,
        )?);
    }
    let (secrets, token) = secrets(folder.path())?;
    let mut cluster = Cluster::new(manifests, secrets, roots, folder.path())?;
    let outcome = story::run(
        &mut cluster,
        workloads,
        folder.path(),
        &token,
        (runs, args.short),
        seed,
    );
    let held = outcome.and_then(|figures| {
        report::figures("k8s-test", figures.clone())?;
        report::all_hold(&figures)
    });
    if held.is_err() {
        keep_logs(folder.path(), seed)?;
    }
    held
}

/// The image unpacked, with the places that its pods mount on, which a runtime makes.
fn root(program: &Path, to: &Path, workloads: &[Workload]) -> Result<PathBuf> {
    let root = image::unpacked(program, to)?;
    for workload in workloads {
        for mount in items(&workload.container["volumeMounts"]) {
            let at = mount["mountPath"].as_str().context("a mount without a place")?;
            fs::create_dir_all(root.join(at.trim_start_matches('/')))?;
        }
    }
    fs::write(root.join("etc/resolv.conf"), "")?;
    Ok(root)
}

/// The Secrets of docs/kubernetes.md, 3 and 4, made as it says; and the operator's token.
fn secrets(folder: &Path) -> Result<(Secrets, String)> {
    let program = programs::path("elixirscope");
    let tls = folder.join("tls");
    run::output(
        Command::new(&program)
            .args(["cluster", "init", "--json", "--tls"])
            .arg(&tls),
    )?;
    let create = |file: &Path, role: &str| {
        let mut command = Command::new(&program);
        command.args([
            "token", "create", "--role", role, "--name", role, "--json", "--tokens",
        ]);
        run::output(command.arg(file))
    };
    let (all, one) = (folder.join("tokens.toml"), folder.join("scrape.toml"));
    let said: Value = serde_json::from_str(&create(&all, "operator")?)?;
    let token = said["token"].as_str().context("a token")?.to_owned();
    create(&one, "viewer-redacted")?;
    let mut secrets = Secrets::new();
    let mut add = |namespace: &str, name: &str, files: &[(&str, PathBuf)]| -> Result<()> {
        let texts = files
            .iter()
            .map(|(key, file)| Ok(((*key).to_owned(), fs::read_to_string(file)?)));
        let texts = texts.collect::<Result<BTreeMap<_, _>>>()?;
        secrets.insert((namespace.to_owned(), name.to_owned()), texts);
        Ok(())
    };
    for (namespace, role) in [(OURS, "member"), (THEIRS, "agent")] {
        let files = [
            ("ca.crt", tls.join("ca.pem")),
            ("tls.crt", tls.join(format!("{role}.pem"))),
            ("tls.key", tls.join(format!("{role}.key"))),
        ];
        add(namespace, &format!("elixirscope-{role}-tls"), &files)?;
    }
    add(OURS, "elixirscope-tokens", &[("tokens.toml", all)])?;
    add(THEIRS, "elixirscope-tokens", &[("tokens.toml", one)])?;
    Ok((secrets, token))
}

fn keep_logs(folder: &Path, seed: u64) -> Result<()> {
    let to = run::target().join("report").join(format!("k8s-test-{seed}"));
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(name) = path
            .file_name()
            .filter(|_| path.extension().is_some_and(|e| e == "log"))
        {
            fs::copy(&path, to.join(name))?;
        }
    }
    eprintln!("logs: {}", to.display());
    Ok(())
}
