//! `elixirscope up`: coordinator, collector and agent in one process with one data folder; alone, or one of several.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use host::LogFormat;

use crate::collector_role::CollectingArgs;
use crate::member_args::{Kind, MemberArgs, NewClusterArgs};
use crate::{process, serving};

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    member: MemberArgs,
    #[command(flatten)]
    new: NewClusterArgs,
    #[command(flatten)]
    collecting: CollectingArgs,
    #[command(flatten)]
    agent: AgentArgs,
}

/// The agent in the same process.
#[derive(Debug, clap::Args)]
pub(crate) struct AgentArgs {
    /// Unix socket for the BEAM nodes of this machine.
    #[arg(long, env = "ELIXIRSCOPE_SOCKET")]
    pub(crate) socket: Option<PathBuf>,
    /// No agent in this process.
    #[arg(long)]
    no_agent: bool,
    /// User ids of BEAM nodes that may connect, beside this process's own and root.
    #[arg(long, env = "ELIXIRSCOPE_ALLOWED_UIDS", value_delimiter = ',')]
    pub(crate) allowed_uids: Vec<u32>,
}

/// How to log.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// What to log, as in tracing's env filter: info, debug, collector=debug.
    #[arg(long, env = "ELIXIRSCOPE_LOG", default_value = "info,openraft=warn")]
    log: String,
    /// Log as JSON, one object a line.
    #[arg(long, env = "ELIXIRSCOPE_LOG_JSON")]
    log_json: bool,
}

impl LogArgs {
    /// Starts logging to standard error.
    pub(crate) fn init(&self) -> Result<()> {
        let format = if self.log_json {
            LogFormat::Json
        } else {
            LogFormat::Text
        };
        Ok(host::init_logging(format, &self.log)?)
    }
}

/// How long each task may take to stop.
pub(crate) const STOP: Duration = Duration::from_secs(5);

/// The socket's default path: the run-time folder of the user, else of the system.
pub(crate) fn default_socket() -> PathBuf {
    let name = "elixirscope-agent.sock";
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir).join(name),
        _ => PathBuf::from("/run/elixirscope").join(name),
    }
}

/// Runs a member until it is told to stop.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    start(Parts {
        kind: Kind::Up,
        member: args.member,
        new: Some(args.new),
        collecting: args.collecting,
        agent: Some(args.agent).filter(|agent| !agent.no_agent),
    })
}

/// What a member that collects is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) kind: Kind,
    pub(crate) member: MemberArgs,
    pub(crate) new: Option<NewClusterArgs>,
    pub(crate) collecting: CollectingArgs,
    pub(crate) agent: Option<AgentArgs>,
}

/// Runs a member that collects until it is told to stop.
pub(crate) fn start(parts: Parts) -> Result<ExitCode> {
    parts.member.log.init()?;
    process::raise_files();
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serving::serve(parts))
}
