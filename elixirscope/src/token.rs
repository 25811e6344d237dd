//! `elixirscope token`: makes, lists and revokes the tokens of the doors. Works on the file; a running member follows it within a second.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use host::access::{Entry, Role, Token, Tokens, load, rfc3339, save};
use serde_json::json;

use crate::{ask, client};

/// Arguments of `token`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token, and print it: it is shown this once.
    Create(CreateArgs),
    /// List tokens.
    List(File),
    /// Revoke a token: it is refused within a second.
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct File {
    /// File of tokens, as given to `elixirscope up --tokens`; made if missing.
    #[arg(
        long = "tokens",
        env = "ELIXIRSCOPE_TOKENS",
        value_name = "FILE",
        default_value = "elixirscope-data/tokens.toml"
    )]
    path: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    #[command(flatten)]
    file: File,
    /// What it may: viewer-redacted, viewer, writer, operator.
    #[arg(long)]
    role: Role,
    /// Whose it is, for people and logs.
    #[arg(long)]
    name: String,
    /// How long it holds: 12h, 90d. For ever if left out.
    #[arg(long, value_parser = ask::parse_duration, value_name = "TIME")]
    expires: Option<Duration>,
}

#[derive(Debug, clap::Args)]
struct RevokeArgs {
    #[command(flatten)]
    file: File,
    /// Its name.
    name: String,
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let text = match &args.command {
        Command::Create(args) => create(args)?,
        Command::List(file) => list(file)?,
        Command::Revoke(args) => revoke(args)?,
    };
    client::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn now_s() -> u64 {
    host::now().to_unix_us() / 1_000_000
}

impl File {
    /// The tokens; none if there is no file.
    fn load(&self) -> Result<Tokens> {
        match self.path.try_exists() {
            Ok(false) => Ok(Tokens::default()),
            _ => Ok(load(&self.path)?),
        }
    }
}

fn create(args: &CreateArgs) -> Result<String> {
    let mut tokens = args.file.load()?;
    let token = Token::new(rand::random());
    let created_s = now_s();
    let expires_s = match args.expires {
        Some(time) if time.is_zero() => bail!("a token that expires at once is of no use"),
        Some(time) => Some(created_s.saturating_add(time.as_secs()).min(EXPIRES_MAX_S)),
        None => None,
    };
    let entry = Entry {
        name: args.name.clone(),
        role: args.role,
        digest: token.digest(),
        created_s,
        expires_s,
    };
    let row = shown(&entry, created_s);
    tokens.add(entry)?;
    save(&args.file.path, &tokens)?;
    if args.file.json {
        let mut row = row;
        if let Some(row) = row.as_object_mut() {
            row.insert("token".to_owned(), token.reveal().into());
        }
        return Ok(format!("{row:#}\n"));
    }
    client::say(&format!(
        "token {} with the role {} is in {}; this is the only time that it is shown:",
        args.name,
        args.role,
        args.file.path.display()
    ));
    Ok(format!("{}\n", token.reveal()))
}

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const EXPIRES_MAX_S: u64 = 253_402_300_799;

fn shown(entry: &Entry, now_s: u64) -> serde_json::Value {
    json!({
        "name": entry.name,
        "role": entry.role.name(),
        "created": rfc3339(entry.created_s),
        "expires": entry.expires_s.map(rfc3339),
        "expired": entry.expires_s.is_some_and(|expires| expires <= now_s),
    })
}

fn list(file: &File) -> Result<String> {
    let tokens = load(&file.path).context("no tokens to list; `elixirscope token create` makes some")?;
    let now_s = now_s();
    if file.json {
        let rows: Vec<_> = tokens.entries().iter().map(|entry| shown(entry, now_s)).collect();
        return Ok(format!("{:#}\n", serde_json::Value::from(rows)));
    }
    let width = tokens.entries().iter().map(|entry| entry.name.len()).max();
    let width = width.unwrap_or_default().max(4);
    let mut out = format!("{:<width$}  {:<15}  {:<20}  EXPIRES\n", "NAME", "ROLE", "CREATED");
    for entry in tokens.entries() {
        let expires = match entry.expires_s {
            None => "never".to_owned(),
            Some(at) if at <= now_s => format!("{} (expired)", rfc3339(at)),
            Some(at) => rfc3339(at),
        };
        let created = rfc3339(entry.created_s);
        let _ = writeln!(
            out,
            "{:<width$}  {:<15}  {created}  {expires}",
            entry.name,
            entry.role.name()
        );
    }
    Ok(out)
}

fn revoke(args: &RevokeArgs) -> Result<String> {
    let mut tokens = load(&args.file.path)?;
    let entry = tokens.remove(&args.name)?;
    save(&args.file.path, &tokens)?;
    Ok(if args.file.json {
        format!("{:#}\n", shown(&entry, now_s()))
    } else {
        format!("revoked {} ({})\n", entry.name, entry.role)
    })
}
