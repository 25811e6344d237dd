//! Compiled modules against the VM: md5, module version and expanded definitions of Elixir's own modules, and files that
//! are cut, changed or hostile.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::path::PathBuf;
use std::process::Command;

use codegraph::quoted::Kind;
use repo_sync::beam::{Beam, BeamFault, DebugInfo, Expanded};

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The folders of Elixir's own modules; none if Elixir does not run here.
fn folders() -> Vec<PathBuf> {
    let code =
        "for app <- [:eex, :elixir, :ex_unit, :iex, :logger, :mix], do: IO.puts(:code.lib_dir(app, :ebin))";
    let Ok(output) = Command::new("elixir").args(["-e", code]).output() else {
        return Vec::new();
    };
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(PathBuf::from)
        .filter(|path| path.is_dir())
        .collect()
}

fn counts(expanded: &Expanded) -> [usize; 6] {
    let clauses: Vec<_> = expanded.functions.iter().flat_map(|f| &f.clauses).collect();
    let tree = &expanded.tree;
    let count = |kind: Kind| tree.nodes().iter().filter(|node| node.kind == kind).count();
    // The `->` of each clause, the root and nothing else are not in the compiler's term.
    let own = clauses.len() + 1;
    [
        expanded.functions.len(),
        clauses.len(),
        count(Kind::Call) - own,
        count(Kind::Apply),
        count(Kind::Variable),
        tree.nodes().len() - own,
    ]
}

/// Scenario: all of Elixir's own modules. Guarantee: md5 as `module_info(:md5)`, module version as the BEAM library
/// computes it, and of the expanded definitions every call, application, variable and literal is there.
#[test]
fn elixirs_own_modules_are_read_as_the_vm_reads_them() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folders = folders();
    if folders.is_empty() {
        return println!("skipped: elixir does not run here");
    }
    let output = Command::new("elixir")
        .arg(here.join("tests/beam.exs"))
        .arg(here.join("../beam/lib/elixir_scope/module_version.ex"))
        .args(&folders)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut modules = 0;
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [module, file, md5, version, counted @ ..] = fields.as_slice() else {
            panic!("{line}");
        };
        let bytes = std::fs::read(file).unwrap();
        let beam = Beam::read(&bytes).unwrap();
        assert_eq!(hex(&beam.md5().unwrap().0), *md5, "{file}");
        assert_eq!(hex(&beam.version().unwrap().0), *version, "{file}");
        assert_eq!(beam.names().unwrap().module, *module);
        match beam.debug_info().unwrap() {
            DebugInfo::Elixir(expanded) => {
                assert_eq!(expanded.module, *module);
                let expected: Vec<usize> = counted.iter().map(|n| n.parse().unwrap()).collect();
                assert_eq!(counts(&expanded).as_slice(), expected, "{file}");
            }
            DebugInfo::Erlang(forms) => {
                assert_eq!(counted.first(), Some(&"erlang"));
                assert!(!forms.functions.is_empty(), "{file}");
            }
            other => panic!("{file}: {other:?}"),
        }
        modules += 1;
    }
    assert!(
        modules > 300,
        "{modules} modules, {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn agent() -> Option<Vec<u8>> {
    let elixir = folders()
        .into_iter()
        .find(|path| path.join("Elixir.Agent.beam").exists())?;
    std::fs::read(elixir.join("Elixir.Agent.beam")).ok()
}

fn all(bytes: &[u8]) -> Result<(), BeamFault> {
    let beam = Beam::read(bytes)?;
    beam.names()?;
    beam.md5()?;
    beam.version()?;
    beam.debug_info().map(|_| ())
}

/// Scenario: a module cut at every length, and with every byte changed. Guarantee: an answer or an error that says
/// what is wrong, never a panic; a cut file never counts as whole.
#[test]
fn a_cut_or_changed_module_is_refused_or_read() {
    let Some(bytes) = agent() else {
        return println!("skipped: elixir does not run here");
    };
    all(&bytes).unwrap();
    for length in 0..bytes.len() {
        assert!(all(&bytes[..length]).is_err(), "{length}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        let _ = all(&changed);
    }
    let fault = Beam::read(b"GIF89a").unwrap_err().to_string();
    assert!(fault.starts_with("not a .beam file"), "{fault}");
}

fn container(chunks: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = b"BEAM".to_vec();
    for (name, bytes) in chunks {
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        body.extend_from_slice(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    [b"FOR1", &(body.len() as u32).to_be_bytes()[..], &body].concat()
}

/// Scenario: a chunk whose term says that it unpacks to 4 GiB, one that unpacks to more than it says, one nested
/// 200,000 deep, a gzipped module, a stripped one. Guarantee: the first three are refused with the reason, the gzipped
/// one is read like the plain one, the stripped one says so.
#[test]
fn bombs_are_refused_and_stripped_modules_say_so() {
    use std::io::Write as _;
    let bomb = container(&[("Dbgi", b"\x83\x50\xff\xff\xff\xff")]);
    let fault = Beam::read(&bomb).unwrap().debug_info().unwrap_err();
    assert_eq!(fault, BeamFault::TermTooLarge);

    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&vec![106; 100_000]).unwrap();
    let lies = [&b"\x83\x50\0\0\0\x01"[..], &zlib.finish().unwrap()].concat();
    let fault = Beam::read(&container(&[("Dbgi", &lies)])).unwrap().debug_info();
    assert!(fault.unwrap_err().to_string().contains("not as long as it says"));

    let deep = [&[131][..], &b"\x68\x01".repeat(200_000), &[106]].concat();
    let fault = Beam::read(&container(&[("Dbgi", &deep)])).unwrap().debug_info();
    assert_eq!(fault.unwrap_err(), BeamFault::TermTooLarge);

    let stripped = container(&[("Code", b"")]);
    let info = Beam::read(&stripped).unwrap().debug_info().unwrap();
    assert!(matches!(info, DebugInfo::Stripped));

    if let Some(bytes) = agent() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&bytes).unwrap();
        let packed = gzip.finish().unwrap();
        let (plain, packed) = (Beam::read(&bytes).unwrap(), Beam::read(&packed).unwrap());
        assert_eq!(plain.version().unwrap(), packed.version().unwrap());
    }
}
