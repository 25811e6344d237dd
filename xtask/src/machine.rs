//! What a machine must have, and installing it with Debian's package manager where it is missing.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::run;

struct Need {
    what: &'static str,
    packages: &'static [&'static str],
    present: fn() -> bool,
}

/// For building the Rust workspace (RocksDB needs libclang and a C++ compiler).
const BUILD: &[Need] = &[
    Need {
        what: "a C++ compiler",
        packages: &["g++"],
        present: || on_path("g++"),
    },
    Need {
        what: "libclang",
        packages: &["libclang-dev"],
        present: has_libclang,
    },
];

/// For running BEAM nodes.
const BEAM: &[Need] = &[Need {
    what: "Elixir and Erlang",
    packages: &[
        "elixir",
        "erlang-dev",
        "erlang-tools",
        "erlang-runtime-tools",
        "erlang-parsetools",
        "erlang-eunit",
    ],
    present: || {
        on_path("elixir")
            && on_path("erl")
            && Path::new("/usr/lib/erlang").is_dir()
            && has_erlang_app("tools")
    },
}];

/// For the tests alone.
const TESTS: &[Need] = &[
    Need {
        what: "libfaketime",
        packages: &["libfaketime"],
        present: has_faketime,
    },
    Need {
        what: "libfiu",
        packages: &["fiu-utils"],
        present: || on_path("fiu-run") && on_path("fiu-ctrl"),
    },
];

/// For faults of the network: hosts in namespaces.
const NETS: &[Need] = &[Need {
    what: "ip, tc, nft and curl",
    packages: &["iproute2", "nftables", "curl"],
    present: || ["ip", "tc", "nft", "curl"].iter().all(|program| on_path(program)),
}];

/// For pods without a cluster: names of headless services.
const NAMES: &[Need] = &[Need {
    what: "dnsmasq",
    packages: &["dnsmasq-base"],
    present: || on_path("dnsmasq") || Path::new("/usr/sbin/dnsmasq").is_file(),
}];

/// For evaluating the expressions of dashboards and rules.
const METRICS: &[Need] = &[Need {
    what: "Prometheus with promtool",
    packages: &["prometheus"],
    present: || on_path("prometheus") && on_path("promtool"),
}];

/// For DuckDB, which the tests of the tables install into an environment of their own.
const TABLES: &[Need] = &[Need {
    what: "Python with venv",
    packages: &["python3", "python3-venv"],
    present: has_venv,
}];

/// For the compatibility tests.
const COMPAT: &[Need] = &[Need {
    what: "debootstrap",
    packages: &["debootstrap"],
    present: || Path::new("/usr/sbin/debootstrap").is_file(),
}];

/// For reading Debian's source packages.
const SOURCES: &[Need] = &[Need {
    what: "dpkg-source",
    packages: &["dpkg-dev", "xz-utils", "patch"],
    present: || on_path("dpkg-source"),
}];

/// For making an image, and running it confined.
const IMAGE: &[Need] = &[
    Need {
        what: "strip and ldd",
        packages: &["binutils", "libc-bin"],
        present: || on_path("strip") && on_path("ldd"),
    },
    Need {
        what: "authorities' certificates",
        packages: &["ca-certificates"],
        present: || Path::new("/etc/ssl/certs/ca-certificates.crt").is_file(),
    },
    Need {
        what: "unshare and capsh",
        packages: &["util-linux", "libcap2-bin"],
        present: || on_path("unshare") && on_path("capsh"),
    },
];

/// For making a release, and checking it.
const DIST: &[Need] = &[
    Need {
        what: "dpkg-deb, dpkg-shlibdeps and objcopy",
        packages: &["dpkg-dev", "xz-utils", "binutils"],
        present: || {
            ["dpkg-deb", "dpkg-shlibdeps", "xz", "objcopy"]
                .iter()
                .all(|program| on_path(program))
        },
    },
    Need {
        what: "lintian, man and systemd-analyze",
        packages: &["lintian", "man-db", "systemd"],
        present: || {
            ["lintian", "man", "systemd-analyze"]
                .iter()
                .all(|program| on_path(program))
        },
    },
];

/// For running a whole system in a folder.
const SYSTEM: &[Need] = &[Need {
    what: "systemd-nspawn and nsenter",
    packages: &["systemd-container", "util-linux"],
    present: || on_path("systemd-nspawn") && on_path("nsenter"),
}];

/// Installs what building needs.
pub fn for_build() -> Result<()> {
    install(&[BUILD])
}

/// Installs what an image needs.
pub fn for_image() -> Result<()> {
    install(&[IMAGE])
}

/// Installs what a release needs.
pub fn for_dist() -> Result<()> {
    install(&[IMAGE, DIST, COMPAT, SYSTEM])?;
    cargo_install("cargo-cyclonedx")
}

/// Installs what puts the list of crates into a program, and what reads it.
pub fn for_audited() -> Result<()> {
    install(&[BUILD])?;
    cargo_install("cargo-auditable")?;
    cargo_install("rust-audit-info")
}

/// Installs a tool of crates.io, if it is not there.
fn cargo_install(name: &str) -> Result<()> {
    if on_path(name) {
        return Ok(());
    }
    run::check(&mut run::cargo(&["install", "--locked", name]))
}

/// Installs what building and running needs.
pub fn for_demo() -> Result<()> {
    install(&[BUILD, BEAM])
}

/// Installs what the tests need.
pub fn for_tests() -> Result<()> {
    install(&[BUILD, BEAM, TESTS, METRICS, TABLES])?;
    cargo_install("cargo-nextest")
}

/// Installs what breaking networks needs.
pub fn for_nets() -> Result<()> {
    install(&[NETS])
}

/// Installs what running the manifests without a cluster needs.
pub fn for_k8s_test() -> Result<()> {
    install(&[IMAGE, NETS, NAMES])
}

/// Installs what fuzzing needs: a C++ compiler for libFuzzer, and `cargo fuzz`.
pub fn for_fuzz() -> Result<()> {
    install(&[BUILD])?;
    cargo_install("cargo-fuzz")
}

/// Installs what the compatibility tests need.
pub fn for_compat() -> Result<()> {
    install(&[COMPAT])
}

/// Installs what comparing with Elixir needs.
pub fn for_accuracy() -> Result<()> {
    install(&[BEAM, SOURCES])
}

/// Installs what checking manifests needs: promtool, and Python for the validators.
pub fn for_k8s() -> Result<()> {
    install(&[METRICS, TABLES])
}

/// Installs what asking DuckDB needs.
pub fn for_tables() -> Result<()> {
    install(&[TABLES])
}

/// Installs what checking needs.
pub fn for_verify() -> Result<()> {
    install(&[BUILD, BEAM])
}

fn install(lists: &[&[Need]]) -> Result<()> {
    let missing: Vec<&Need> = lists
        .iter()
        .copied()
        .flatten()
        .filter(|n| !(n.present)())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|n| n.what).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|n| n.packages.iter().copied()).collect();
    if !on_path("apt-get") {
        bail!(
            "missing: {}; install what Debian calls {}",
            names.join(", "),
            packages.join(" ")
        );
    }
    eprintln!("installing {} ({})", names.join(", "), packages.join(" "));
    run::check(apt(&["update", "-qq"]).stdout(Stdio::null()))?;
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(&packages);
    run::check(apt(&args).stdout(Stdio::null()))?;
    if let Some(need) = missing.iter().find(|n| !(n.present)()) {
        bail!(
            "{} is still missing after installing {}",
            need.what,
            need.packages.join(" ")
        );
    }
    Ok(())
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    // Another one may be at work: it is waited for.
    command
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Debian has the modules of `venv` apart from Python.
fn has_venv() -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", "import venv, ensurepip"]);
    let ran = python.stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

fn has_libclang() -> bool {
    let found = |dir: &Path| {
        std::fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let versioned = name.starts_with("libclang-") && !name.starts_with("libclang-cpp");
                name.starts_with("libclang.so") || (versioned && name.contains(".so"))
            })
    };
    let llvm = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    llvm.filter(|e| e.file_name().to_string_lossy().starts_with("llvm-"))
        .any(|e| found(&e.path().join("lib")))
        || env::var_os("LIBCLANG_PATH").is_some_and(|p| found(Path::new(&p)))
}

fn has_erlang_app(app: &str) -> bool {
    std::fs::read_dir("/usr/lib/erlang/lib")
        .into_iter()
        .flatten()
        .flatten()
        .any(|e| e.file_name().to_string_lossy().starts_with(&format!("{app}-")))
}

fn has_faketime() -> bool {
    std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .any(|arch| arch.path().join("faketime/libfaketime.so.1").is_file())
}
