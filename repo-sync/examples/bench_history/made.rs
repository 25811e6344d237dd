//! A repository made of a folder's sources: a first commit with all, then edits at places that a seed chooses, as people
//! make them: mostly a line or a few, sometimes a function taken out, put elsewhere or named anew, a file renamed, two
//! or three files at once; every tenth commit changes no Elixir.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Fault, sources};

/// A number from a seed (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap_or_default()
    }
}

/// Makes it, with so many commits after the first.
pub(crate) fn repository(from: &Path, to: &Path, commits: usize) -> Result<(), Fault> {
    let mut files = Vec::new();
    for (path, file) in sources(&from.join("lib"))? {
        files.push((format!("lib/{path}"), std::fs::read_to_string(file)?));
    }
    if files.is_empty() {
        return Err("no sources below lib".into());
    }
    run(
        Command::new("git").args(["init", "-q", "-b", "main"]).arg(to),
        None,
    )?;
    let mut stream = Vec::new();
    begin(&mut stream, 0)?;
    for (path, text) in &files {
        put(&mut stream, path, text)?;
    }
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    for number in 1..=commits {
        begin(&mut stream, number)?;
        if number % 10 == 0 {
            put(&mut stream, "README.md", &format!("change {number}"))?;
            continue;
        }
        for _ in 0..=(chance.below(3) / 2) {
            let at = chance.below(files.len());
            let Some((path, text)) = files.get_mut(at) else {
                continue;
            };
            if chance.below(60) == 0 {
                let next = path.replace(".ex", "_next.ex");
                writeln!(stream, "D {path}")?;
                *path = next;
            } else {
                *text = edited(text, &mut chance, number);
            }
            put(&mut stream, path, text)?;
        }
    }
    run(
        Command::new("git")
            .arg("-C")
            .arg(to)
            .args(["fast-import", "--quiet"]),
        Some(&stream),
    )
}

fn begin(stream: &mut Vec<u8>, number: usize) -> Result<(), Fault> {
    let message = format!("change {number}");
    writeln!(stream, "commit refs/heads/main")?;
    writeln!(
        stream,
        "committer Bench <bench@example.org> {} +0000",
        1_700_000_000 + number * 60
    )?;
    writeln!(stream, "data {}\n{message}", message.len())?;
    Ok(())
}

fn put(stream: &mut Vec<u8>, path: &str, text: &str) -> Result<(), Fault> {
    writeln!(stream, "M 100644 inline {path}\ndata {}", text.len())?;
    stream.extend_from_slice(text.as_bytes());
    stream.push(b'\n');
    Ok(())
}

/// A text with one edit.
fn edited(text: &str, chance: &mut Chance, number: usize) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|line| lines.get(*line).is_some_and(|line| line.starts_with("  def")))
        .collect();
    let Some(start) = starts.get(chance.below(starts.len())).copied() else {
        lines.push(format!("# {number}"));
        return lines.join("\n") + "\n";
    };
    // A function with an `end` of its own.
    let end = lines
        .iter()
        .enumerate()
        .skip(start)
        .take_while(|(line, text)| *line == start || !text.starts_with("  def"))
        .find(|(_, line)| *line == "  end")
        .map(|(line, _)| line);
    let (Some(end), true) = (end, lines.get(start).is_some_and(|line| line.ends_with(" do"))) else {
        lines.insert(start, format!("  # change {number}"));
        return lines.join("\n") + "\n";
    };
    match chance.below(12) {
        0 => {
            // Put behind all others.
            let function: Vec<String> = lines.drain(start..=end).collect();
            let last = lines
                .iter()
                .rposition(|line| line == "end")
                .unwrap_or(lines.len());
            lines.splice(last..last, function);
        }
        1 => {
            lines.drain(start..=end);
        }
        2 => {
            // Named anew.
            if let Some(line) = lines.get_mut(start) {
                let changed = line.replacen('(', &format!("_{number}("), 1);
                *line = changed;
            }
        }
        3 => {
            let new = format!(
                "  def added_{number}(first, second) do\n    Enum.map(first, &(&1 + second))\n  end\n"
            );
            lines.insert(start, new);
        }
        _ => {
            let inside = format!("    _ = {{:change, {number}, System.monotonic_time()}}");
            lines.insert(start + 1 + chance.below(end - start), inside);
        }
    }
    lines.join("\n") + "\n"
}

fn run(command: &mut Command, input: Option<&[u8]>) -> Result<(), Fault> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input)?;
    }
    if child.wait()?.success() {
        Ok(())
    } else {
        Err("git failed".into())
    }
}
