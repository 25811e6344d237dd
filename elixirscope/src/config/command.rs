//! `elixirscope config`: checks a settings file, shows what a role would run with, writes the reference.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::parser::ValueSource;
use clap::{ArgAction, CommandFactory};
use serde::Serialize;

use crate::client;

use super::{CONFIG, reference, roles, settings, with_file};

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show what a role would run with, and where each value comes from; fails if the file or a value cannot be used.
    Show(ShowArgs),
    /// Write the reference of all settings, as Markdown.
    Reference,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// up, agent, coordinator or collector.
    role: String,
    /// The settings file. [default: the environment's ELIXIRSCOPE_CONFIG]
    file: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// A setting as it would be.
#[derive(Debug, Serialize)]
struct Shown {
    key: String,
    values: Vec<String>,
    /// `file`, `environment`, `default` or `unset`.
    from: &'static str,
}

/// Runs `config`.
pub(crate) fn run<T: CommandFactory>(args: &ConfigArgs) -> Result<ExitCode> {
    let mut command = T::command();
    command.build();
    match &args.command {
        Command::Show(args) => show(&command, args)?,
        Command::Reference => client::print(&reference::markdown(&command))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show(command: &clap::Command, args: &ShowArgs) -> Result<()> {
    let names = || roles(command).map(clap::Command::get_name).collect::<Vec<_>>();
    let Some(role) = roles(command).find(|role| role.get_name() == args.role) else {
        bail!("no role {:?}; expected one of {}", args.role, names().join(", "));
    };
    let mut words: Vec<OsString> = vec![command.get_name().into(), role.get_name().into()];
    if let Some(file) = &args.file {
        words.extend([format!("--{CONFIG}").into(), file.into()]);
    }
    let from_file = with_file(command, &words)?;
    let matches = command.clone().try_get_matches_from(&from_file.words);
    let matches = matches.map_err(|error| {
        let place = from_file.file.as_ref().and_then(|file| file.place(&error));
        let error = anyhow::anyhow!(
            "{}",
            error.render().to_string().trim_start_matches("error: ").trim()
        );
        match place {
            Some(place) => error.context(place),
            None => error,
        }
    })?;
    let matches = matches.subcommand_matches(role.get_name()).context("no role")?;
    let used = from_file.file.map(|file| file.used).unwrap_or_default();
    let shown = settings(role).map(|arg| {
        let (id, key) = (arg.get_id().as_str(), arg.get_long().unwrap_or_default());
        let raw = matches.get_raw(id).into_iter().flatten();
        let mut values: Vec<String> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            values = vec![matches.get_flag(id).to_string()];
        }
        let from = match matches.value_source(id) {
            Some(ValueSource::CommandLine) if used.iter().any(|setting| setting.key == key) => "file",
            Some(ValueSource::EnvVariable) => "environment",
            Some(_) => "default",
            None => "unset",
        };
        Shown {
            key: key.to_owned(),
            values,
            from,
        }
    });
    let shown: Vec<Shown> = shown.collect();
    if args.json {
        return client::print(&format!("{}\n", serde_json::to_string_pretty(&shown)?));
    }
    let wide = shown.iter().map(|s| s.key.len()).max().unwrap_or_default();
    let line =
        |Shown { key, values, from }: &Shown| format!("{key:wide$}  {from:11}  {}\n", values.join(","));
    client::print(&shown.iter().map(line).collect::<String>())
}
