//! A compiled module: chunks, names, md5, debug info. Any bytes give an answer or an error, twice the same; the heap
//! stays within a multiple of the input, unless that says it is compressed: then the reader's own bounds hold.

#![no_main]

#[allow(dead_code, unreachable_pub, unused_imports)]
#[path = "../../repo-sync/src/beam/mod.rs"]
mod beam;

use beam::{Beam, DebugInfo};
use fuzz::{heap, seeds};

/// A container around a chunk of debug info, with the other chunks that a module has.
fn module(dbgi: &[u8]) -> Vec<u8> {
    let atoms = b"\0\0\0\x03\x05Agent\x03get\x06erlang";
    let exports = b"\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\x02";
    let imports = b"\0\0\0\x01\0\0\0\x03\0\0\0\x02\0\0\0\x01";
    let funs = b"\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\0\x07\x07\x07\x07";
    let chunks: [(&[u8; 4], &[u8]); 8] = [
        (b"AtU8", atoms),
        (b"Code", b"code"),
        (b"StrT", b""),
        (b"ImpT", imports),
        (b"ExpT", exports),
        (b"FunT", funs),
        (b"Line", b"line"),
        (b"Dbgi", dbgi),
    ];
    let mut body = b"BEAM".to_vec();
    for (name, bytes) in chunks {
        body.extend_from_slice(name);
        body.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        body.extend_from_slice(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    [b"FOR1", &(body.len() as u32).to_be_bytes()[..], &body].concat()
}

/// External terms, written by hand: `{debug_info_v1, elixir_erl, {elixir_v1, Map, []}}`.
fn elixir() -> Vec<u8> {
    fn atom(name: &str) -> Vec<u8> {
        [&[119, name.len() as u8], name.as_bytes()].concat()
    }
    fn tuple(of: &[Vec<u8>]) -> Vec<u8> {
        [&[104, of.len() as u8][..], &of.concat()].concat()
    }
    fn list(of: &[Vec<u8>]) -> Vec<u8> {
        [&[108][..], &(of.len() as u32).to_be_bytes(), &of.concat(), &[106]].concat()
    }
    let meta = list(&[
        tuple(&[atom("line"), vec![97, 3]]),
        tuple(&[atom("column"), vec![97, 5]]),
    ]);
    let variable = tuple(&[atom("x"), meta.clone(), atom("nil")]);
    let dot = tuple(&[atom("."), meta.clone(), list(&[atom("erlang"), atom("+")])]);
    let call = tuple(&[dot, meta.clone(), list(&[variable.clone(), vec![97, 1]])]);
    let clause = tuple(&[meta.clone(), list(&[variable]), vec![106], call]);
    let name = tuple(&[atom("get"), vec![97, 1]]);
    let definition = tuple(&[name, atom("def"), meta, list(&[clause])]);
    let map = [
        &[116, 0, 0, 0, 3][..],
        &atom("module"),
        &atom("Elixir.Agent"),
        &atom("definitions"),
        &list(&[definition]),
        &atom("relative_file"),
        b"\x6d\0\0\0\x01a",
    ]
    .concat();
    let data = tuple(&[atom("elixir_v1"), map, vec![106]]);
    [
        vec![131],
        tuple(&[atom("debug_info_v1"), atom("elixir_erl"), data]),
    ]
    .concat()
}

fn modules() -> impl Iterator<Item = Vec<u8>> {
    use std::io::Write as _;
    let plain = elixir();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&plain[1..]).expect("memory takes bytes");
    let size = (plain.len() as u32 - 1).to_be_bytes();
    let packed = [&[131, 80][..], &size, &zlib.finish().expect("memory takes bytes")].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&module(&packed)).expect("memory takes bytes");
    let terms = seeds::terms().into_iter().step_by(7).map(|term| module(&term));
    let whole = [
        module(&plain),
        module(&packed),
        gzip.finish().expect("memory takes bytes"),
    ];
    whole.into_iter().chain(terms)
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(modules()), |data: &[u8]| {
    let is_packed = data.starts_with(&[0x1f, 0x8b]) || data.windows(2).any(|two| two == [131, 80]);
    let times = if is_packed { 1 << 16 } else { 1_024 };
    let Ok(beam) = heap::within(data.len(), times, || Beam::read(data)) else {
        return;
    };
    if let Ok(names) = heap::within(data.len(), times, || beam.names()) {
        assert!(names.exports.is_sorted());
    }
    assert_eq!(beam.version().is_ok(), beam.md5().is_ok());
    let Ok(info) = heap::within(data.len(), times, || beam.debug_info()) else {
        return;
    };
    if let DebugInfo::Elixir(expanded) = info {
        let tree = &expanded.tree;
        let root = tree.root().expect("a module has a tree");
        assert_eq!(tree.subtree(root), 0..tree.nodes().len());
        for function in &expanded.functions {
            for clause in &function.clauses {
                assert_eq!(tree.kids(clause.node).len(), 3);
            }
        }
    }
});
