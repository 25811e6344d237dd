//! Records of the code store: places, local facts, links, traces. Any bytes give a record or an error; a record that was
//! read is written so that it is read again as the same.

#![no_main]

use codegraph::definitions::Outline;
use codegraph::link::{Asking, Exports, Links, Trace, otp::Facts, record};
use codegraph::local::{LocalFacts, Places};
use codegraph::quoted::{Builder, Flags, Kind, Place, Quoted};
use fuzz::seeds;

/// `defmodule Shop do def take(x), do: GenServer.call(x, :take) end`, without places.
fn tree() -> Quoted {
    let mut to = Builder::new();
    let (at, no) = (Place::default(), Flags::default());
    let word = |to: &mut Builder, kind, text: &str, kids: &[_]| to.named(kind, text, no, at, kids);
    let shop = word(&mut to, Kind::Atom, "Shop", &[]);
    let shop = word(&mut to, Kind::Call, "__aliases__", &[shop]);
    let x = word(&mut to, Kind::Variable, "x", &[]);
    let head = word(&mut to, Kind::Call, "take", &[x]);
    let server = word(&mut to, Kind::Atom, "gen_server", &[]);
    let call = word(&mut to, Kind::Atom, "call", &[]);
    let dot = word(&mut to, Kind::Call, ".", &[server, call]);
    let x = word(&mut to, Kind::Variable, "x", &[]);
    let message = word(&mut to, Kind::Atom, "take", &[]);
    let body = word(&mut to, Kind::Apply, "", &[dot, x, message]);
    let mut root = body;
    for (name, head) in [("def", head), ("defmodule", shop)] {
        let key = word(&mut to, Kind::Atom, "do", &[]);
        let pair = word(&mut to, Kind::Pair, "", &[key, root]);
        let list = word(&mut to, Kind::List, "", &[pair]);
        root = word(&mut to, Kind::Call, name, &[head, list]);
    }
    to.finish(Some(root))
}

fn records() -> impl Iterator<Item = Vec<u8>> {
    let tree = tree();
    let outline = Outline::of(&tree);
    let local = LocalFacts::of(&tree, &outline);
    let mut exports = Exports::new();
    exports.put(&"lib/shop.ex".into(), &local.interface);
    let asking = Asking::new(&exports);
    let links = Links::of(&tree, &outline, &asking);
    let facts = Facts::of(&tree, &outline, &links, &asking);
    let trace = asking.trace();
    let places = Places::of(&tree, &outline, &[0], "text");
    [
        local.encode(),
        places.encode(),
        record::encode(&links, &facts),
        trace.encode(),
        Trace::encode_list(&[trace.clone(), Trace::default()]),
    ]
    .into_iter()
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(records()), |data: &[u8]| {
    if let Ok(local) = LocalFacts::decode(data) {
        assert_eq!(LocalFacts::decode(&local.encode()), Ok(local));
    }
    if let Ok(places) = Places::decode(data) {
        assert_eq!(Places::decode(&places.encode()), Ok(places));
    }
    if let Ok((links, facts)) = record::decode(data) {
        let (again, facts_again) = record::decode(&record::encode(&links, &facts)).expect("what was written is read");
        assert_eq!((links.calls, facts), (again.calls, facts_again));
    }
    if let Ok(trace) = Trace::decode(data) {
        assert_eq!(Trace::decode(&trace.encode()), Ok(trace));
    }
    if let Ok(traces) = Trace::decode_list(data) {
        assert_eq!(Trace::decode_list(&Trace::encode_list(&traces)), Ok(traces));
    }
});
