//! The shared libraries of a program, as the loader of this machine finds them, the loader with them.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::run;

/// Paths as the loader looks for them, sorted. In the image they are under the same paths.
pub fn of(program: &Path) -> Result<Vec<PathBuf>> {
    let listed = run::output(run::command("ldd", &[&program.to_string_lossy()]).env("LC_ALL", "C"))?;
    parse(&listed)
}

fn parse(listed: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for line in listed.lines().map(str::trim) {
        if line.contains("not found") {
            bail!("a library of the program is not there: {line}");
        }
        let path = line.split_once(" => ").map_or(line, |(_, path)| path);
        // Without a path: the kernel's own (`linux-vdso`).
        if let Some(path) = path.split(" (").next().filter(|path| path.starts_with('/')) {
            found.push(PathBuf::from(path));
        }
    }
    if found.is_empty() {
        bail!("the program has no shared libraries, or ldd does not know them:\n{listed}");
    }
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_ldd_prints() {
        let listed = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibstdc++.so.6 => /lib/x/libstdc++.so.6 (0x00007f)\n\
                      \tlibc.so.6 => /lib/x/libc.so.6 (0x00007f)\n\t/lib64/ld-linux.so.2 (0x00007f)\n";
        let expected = [
            "/lib/x/libc.so.6",
            "/lib/x/libstdc++.so.6",
            "/lib64/ld-linux.so.2",
        ];
        assert_eq!(parse(listed).unwrap(), expected.map(PathBuf::from));
    }

    #[test]
    fn a_missing_library_is_an_error() {
        let error = parse("\tlibfoo.so.1 => not found\n").unwrap_err();
        assert!(error.to_string().contains("libfoo.so.1"), "{error}");
    }
}
