//! The reference page of all settings, made of the flags themselves.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::{is_list, roles, settings};

const HEAD: &str = "# Settings

Made by `elixirscope config reference`; a test keeps it so.

Each role takes its settings from flags (`--memory-mib 512`), else from the environment (`ELIXIRSCOPE_MEMORY_MIB=512`), else from a TOML file (`--config FILE` or `ELIXIRSCOPE_CONFIG`;
`memory-mib = 512`), else the default. The file's keys are the flags' long names; lists are TOML lists; a key that the role does not have is refused, naming the nearest one.
`elixirscope config show ROLE FILE` checks a file and shows what the role would run with, and where each value comes from.
";

/// The page.
pub(super) fn markdown(command: &Command) -> String {
    let mut page = HEAD.to_owned();
    for role in roles(command) {
        let about = role.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, "\n## `{}`\n\n{about}\n", role.get_name());
        page.push_str("| key | environment | default | what it is |\n|---|---|---|---|\n");
        for arg in settings(role) {
            page.push_str(&row(arg));
        }
    }
    page
}

fn row(arg: &Arg) -> String {
    let key = arg.get_long().unwrap_or_default();
    let env = arg.get_env().map(|env| format!("`{}`", env.to_string_lossy()));
    let defaults = arg.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
    let default = match (arg.get_action(), defaults.is_empty()) {
        (ArgAction::SetTrue, _) => "`false`".to_owned(),
        (_, true) => String::new(),
        (_, false) => format!("`{}`", defaults.join(",")),
    };
    let default = if default == "``" { String::new() } else { default };
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let mut help = help
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|");
    if !help.is_empty() && !help.ends_with(['.', ']']) {
        help.push('.');
    }
    if is_list(arg) {
        help.push_str(" A list.");
    }
    if arg.is_required_set() {
        help.push_str(" Required.");
    }
    format!("| `{key}` | {} | {default} | {help} |\n", env.unwrap_or_default())
}
