//! The shop: three real BEAM nodes with a name server of their own, from a built copy of the demo project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bed::free_tcp;
use crate::{Bed, Child, wait_for};

/// A built copy of the demo project and the name server for its nodes.
#[derive(Debug)]
pub struct Shop {
    project: PathBuf,
    library: PathBuf,
    folder: PathBuf,
    suffix: String,
    epmd_port: u16,
    _epmd: Child,
    variant: Variant,
}

/// How a node is started.
#[derive(Clone, Debug, Default)]
pub struct ShopOptions {
    /// Clock offset for libfaketime, `+5m`; empty = none.
    pub clock_offset: String,
    /// Start from this copy of the project instead of the shop's own.
    pub project: Option<PathBuf>,
    /// More arguments of the launcher (`--seconds 10 --rate 50`).
    pub args: Vec<String>,
    /// More environment.
    pub env: Vec<(String, String)>,
}

/// A running node.
#[derive(Debug)]
pub struct ShopNode {
    /// The process.
    pub child: Child,
    /// `web`, `stock` or `pay`.
    pub role: String,
}

/// How a shop is instrumented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// As the demo is: its modules, and values in some of them.
    Traced,
    /// No values.
    WithoutValues,
    /// Not at all.
    Plain,
}

impl Variant {
    fn tell(self, command: &mut Command) {
        match self {
            Self::Traced => {}
            Self::WithoutValues => {
                command.env("SHOP_VALUES", "0");
            }
            Self::Plain => {
                command.env("SHOP_PLAIN", "1");
            }
        }
    }
}

impl Shop {
    /// Copies the demo project of the workspace at `root` into `folder`, builds it there, and starts a name server.
    pub fn build(root: &Path, folder: &Path) -> Result<Self> {
        Self::build_variant(root, folder, Variant::Traced)
    }

    /// As [`Shop::build`], with other instrumentation.
    pub fn build_variant(root: &Path, folder: &Path, variant: Variant) -> Result<Self> {
        let library = folder.join("beam");
        copy_sources(&root.join("beam"), &library)?;
        let project = library.join("demo");
        fs::create_dir_all(folder)?;
        let epmd_port = free_tcp()?;
        let shop = Self::with(
            (project, library),
            folder,
            variant,
            epmd_port,
            epmd_port.to_string(),
        )?;
        shop.compile(&shop.project)?;
        Ok(shop)
    }

    /// A second cluster of nodes beside this one's, of the same built project, with a name server of its own. Its nodes' names end in
    /// `-suffix`.
    pub fn beside(&self, folder: &Path, suffix: &str) -> Result<Self> {
        let folders = (self.project.clone(), self.library.clone());
        Self::with(folders, folder, self.variant, free_tcp()?, suffix.to_owned())
    }

    fn with(
        (project, library): (PathBuf, PathBuf),
        folder: &Path,
        variant: Variant,
        epmd_port: u16,
        suffix: String,
    ) -> Result<Self> {
        let mut epmd = Command::new(epmd_program());
        epmd.args(["-port", &epmd_port.to_string(), "-address", "127.0.0.1"]);
        let epmd = Child::start("epmd", &mut epmd, &folder.join("epmd.log"))?;
        Ok(Self {
            project,
            library,
            folder: folder.to_owned(),
            suffix,
            epmd_port,
            _epmd: epmd,
            variant,
        })
    }

    /// The project's folder.
    pub fn project(&self) -> &Path {
        &self.project
    }

    /// A copy of the project beside it, not built yet.
    pub fn copy(&self, name: &str) -> Result<PathBuf> {
        let to = self.folder.join(name);
        copy_sources(&self.project, &to)?;
        Ok(to)
    }

    /// A copy of a project with what its build left: building it again compiles what is changed in it.
    pub fn copy_built(&self, project: &Path, name: &str) -> Result<PathBuf> {
        let to = self.folder.join(name);
        let copied = Command::new("cp").arg("-a").arg(project).arg(&to).status()?;
        if !copied.success() {
            bail!("cannot copy {} to {}", project.display(), to.display());
        }
        Ok(to)
    }

    /// Builds a copy of the project.
    pub fn compile(&self, project: &Path) -> Result<()> {
        let mut command = Command::new(project.join("bin/shop"));
        command
            .arg("build")
            .env("ELIXIR_SCOPE_PATH", &self.library)
            .env_remove("MIX_ENV")
            .env_remove("MIX_BUILD_PATH");
        self.variant.tell(&mut command);
        let output = command.output().context("cannot start the shop's build")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            bail!("building the shop failed:\n{said}");
        }
        Ok(())
    }

    /// The full name of a node.
    pub fn node_name(&self, role: &str) -> String {
        format!("{role}-{}@127.0.0.1", self.suffix)
    }

    /// Starts one node.
    pub fn start(&self, bed: &Bed, role: &str, options: &ShopOptions) -> Result<ShopNode> {
        let project = options.project.as_deref().unwrap_or(&self.project);
        let mut command = Command::new(project.join("bin/shop"));
        command
            .arg(role)
            .args(["--suffix", &self.suffix])
            .arg("--socket")
            .arg(bed.socket());
        if !options.clock_offset.is_empty() {
            command.args(["--clock-offset", &options.clock_offset]);
        }
        command.args(&options.args);
        command
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env("ELIXIR_SCOPE_PATH", &self.library);
        self.variant.tell(&mut command);
        command
            .envs(options.env.iter().map(|(k, v)| (k, v)))
            .env_remove("MIX_ENV")
            .env_remove("MIX_BUILD_PATH");
        let log = bed.path().join(format!("{role}.log"));
        let child = Child::start(role, &mut command, &log)?;
        Ok(ShopNode {
            child,
            role: role.to_owned(),
        })
    }

    /// Starts `stock` and `pay`, then `web`, which runs the load with `web`'s arguments.
    pub fn start_all(&self, bed: &Bed, web: &ShopOptions) -> Result<Vec<ShopNode>> {
        let plain = ShopOptions {
            env: web.env.clone(),
            ..ShopOptions::default()
        };
        Ok(vec![
            self.start(bed, "stock", &plain)?,
            self.start(bed, "pay", &plain)?,
            self.start(bed, "web", web)?,
        ])
    }

    /// Evaluates an Elixir expression on a node, as a hidden node; returns the result as Elixir prints it.
    pub fn rpc(&self, role: &str, expression: &str) -> Result<String> {
        self.shop_rpc(role, &[expression])
    }

    /// Loads a compiled module on a node; fails if a process still runs old code of it.
    pub fn load(&self, role: &str, beam: &Path) -> Result<String> {
        self.shop_rpc(role, &["--load", &beam.to_string_lossy()])
    }

    /// The conservation counters of the library on a node (`ElixirScope.stats/0`).
    pub fn stats(&self, role: &str) -> Result<Value> {
        let printed = self.rpc(
            role,
            "ElixirScope.stats() |> Shop.Load.Json.encode() |> IO.iodata_to_binary()",
        )?;
        let json: String = serde_json::from_str(printed.trim()).context("stats are no string")?;
        serde_json::from_str(&json).context("stats are no JSON")
    }

    fn shop_rpc(&self, role: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.project.join("bin/shop-rpc"));
        command.args(["--suffix", &self.suffix, role]).args(arguments);
        command
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env_remove("MIX_ENV")
            .env_remove("MIX_BUILD_PATH");
        let output = command.output().context("cannot start shop-rpc")?;
        if !output.status.success() {
            bail!(
                "rpc on {role} failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits for a load's report file and reads it.
    pub fn report(path: &Path, limit: Duration) -> Result<Value> {
        wait_for("the load's report", limit, || match fs::read_to_string(path) {
            Ok(text) => Ok(serde_json::from_str(&text).ok()),
            Err(_) => Ok(None),
        })
    }
}

/// Copies a folder without what builds leave.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "_build" || name == "deps" {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy_sources(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Debian's package puts `epmd` on the path or beside the runtime.
fn epmd_program() -> PathBuf {
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|p| std::env::split_paths(&p).collect::<Vec<_>>());
    if let Some(found) = on_path.map(|d| d.join("epmd")).find(|p| p.is_file()) {
        return found;
    }
    let runtimes = fs::read_dir("/usr/lib/erlang")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path().join("bin/epmd"));
    runtimes
        .into_iter()
        .find(|p| p.is_file())
        .unwrap_or_else(|| PathBuf::from("epmd"))
}
