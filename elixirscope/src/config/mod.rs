//! Settings of the roles: flags, then `ELIXIRSCOPE_*` of the environment, then a TOML file (`--config`), then defaults. A key of the file
//! is the long name of the role's flag, so that there is one list of settings; `reference` writes it down.

mod command;
mod reference;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, FromArgMatches};
use host::{Setting, nearest, read_settings};

use crate::client;

pub(crate) use command::{ConfigArgs, run};

/// Flag that names the file.
const CONFIG: &str = "config";

/// Where the settings of a role may stand, beside its flags.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArg {
    /// TOML file of settings, a flag's long name and its value a line, such as `memory-mib = 512`. Flags and variables of the
    /// environment go before it.
    #[arg(id = CONFIG, long = CONFIG, env = "ELIXIRSCOPE_CONFIG", value_name = "FILE")]
    _file: Option<PathBuf>,
}

/// Parses the words of the command line, with those of the file that they name. What is wrong is said, as clap says it; then the process
/// is to end with this code.
pub(crate) fn parse<T: FromArgMatches>(command: &clap::Command, words: &[OsString]) -> Result<T, ExitCode> {
    let Words { words, file } = with_file(command, words).map_err(|error| {
        client::complain(&error);
        ExitCode::from(2)
    })?;
    let matches = command.clone().try_get_matches_from(&words);
    let args = matches.and_then(|mut matches| T::from_arg_matches_mut(&mut matches));
    args.map_err(|error| {
        if let Some(place) = file.as_ref().and_then(|file| file.place(&error)) {
            client::say(&format!("in {place}:"));
        }
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// What the command line is, with what a file adds.
struct Words {
    words: Vec<OsString>,
    file: Option<FromFile>,
}

/// Settings that come from a file: nobody gave them otherwise.
struct FromFile {
    path: PathBuf,
    used: Vec<Setting>,
}

impl FromFile {
    /// Where the value stands that an error is about.
    fn place(&self, error: &clap::Error) -> Option<String> {
        if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
            return None;
        }
        let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
            return None;
        };
        let named = |setting: &&Setting| {
            flag.strip_prefix("--").and_then(|flag| flag.split(' ').next()) == Some(setting.key.as_str())
        };
        let setting = self.used.iter().find(named)?;
        Some(format!("{}:{}", self.path.display(), setting.line))
    }
}

/// The words with those of the file right behind the role's name. What is wrong with other words is found later.
fn with_file(command: &clap::Command, words: &[OsString]) -> Result<Words> {
    let as_they_are = || Words {
        words: words.to_vec(),
        file: None,
    };
    let Ok(matches) = command.clone().ignore_errors(true).try_get_matches_from(words) else {
        return Ok(as_they_are());
    };
    let Some((name, given)) = matches.subcommand() else {
        return Ok(as_they_are());
    };
    let Some(role) = roles(command).find(|role| role.get_name() == name) else {
        return Ok(as_they_are());
    };
    let Some(path) = given.get_one::<PathBuf>(CONFIG) else {
        return Ok(as_they_are());
    };
    let at = words.iter().position(|word| word == name);
    let at = at.context("no role is named")? + 1;
    let mut added = Vec::new();
    let mut used = Vec::new();
    for setting in read_settings(path)? {
        let place = format!("{}:{}", path.display(), setting.line);
        let words = words_of(role, &setting).with_context(|| place)?;
        if !is_given(given, role, &setting.key) {
            added.extend(words);
            used.push(setting);
        }
    }
    let (before, after) = words.split_at_checked(at).unwrap_or((words, &[]));
    Ok(Words {
        words: [before, &added, after].concat(),
        file: Some(FromFile {
            path: path.clone(),
            used,
        }),
    })
}

/// The subcommands that have settings.
fn roles(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    let has = |role: &&clap::Command| role.get_arguments().any(|arg| arg.get_id() == CONFIG);
    command.get_subcommands().filter(has)
}

/// The settings of a role: what a file may say.
fn settings(role: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    let is = |arg: &&clap::Arg| arg.get_long().is_some() && arg.get_id() != CONFIG && !is_question(arg);
    role.get_arguments().filter(is)
}

/// `--help`, `--version`.
fn is_question(arg: &clap::Arg) -> bool {
    !matches!(
        arg.get_action(),
        ArgAction::Set | ArgAction::Append | ArgAction::SetTrue
    )
}

fn setting_of<'a>(role: &'a clap::Command, key: &str) -> Option<&'a clap::Arg> {
    settings(role).find(|arg| arg.get_long() == Some(key))
}

/// Is it a list of values?
fn is_list(arg: &clap::Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// Did a flag or a variable give it?
fn is_given(given: &ArgMatches, role: &clap::Command, key: &str) -> bool {
    let source = setting_of(role, key).and_then(|arg| given.value_source(arg.get_id().as_str()));
    matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// What the command line would say.
fn words_of(role: &clap::Command, setting: &Setting) -> Result<Vec<OsString>> {
    let key = &setting.key;
    let Some(arg) = setting_of(role, key) else {
        let known = settings(role).filter_map(clap::Arg::get_long);
        let near = nearest(known, key).unwrap_or_default();
        bail!(
            "`{}` has no setting {key:?}; the nearest is {near:?}",
            role.get_name()
        );
    };
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return match setting.values.as_slice() {
            [value] if value == "true" && !setting.list => Ok(vec![format!("--{key}").into()]),
            [value] if value == "false" && !setting.list => Ok(Vec::new()),
            values => bail!("{key} = {}: expected true or false", values.join(",")),
        };
    }
    if setting.list && !is_list(arg) {
        bail!("{key} is a list; expected one value");
    }
    let word = |value: &String| OsString::from(format!("--{key}={value}"));
    Ok(setting.values.iter().map(word).collect())
}

#[cfg(test)]
mod tests;
