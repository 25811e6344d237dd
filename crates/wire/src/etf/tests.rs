//! Against Elixir's own bytes and spelling, for all terms, for all bytes.

use event::{DropReason, Micros, ValueRole};
use proptest::prelude::*;

use super::*;
use crate::bytes::Put;

/// Lines of hex bytes, a tab, what `inspect` says: Elixir 1.14, `charlists: :as_lists`, older and newer atoms.
const INSPECTED: &str = include_str!("tests/inspect.txt");

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).unwrap())
        .collect()
}

/// Any term's bytes, without the leading 131.
fn term() -> impl Strategy<Value = Vec<u8>> {
    let tagged = |tag: u8, bytes: &[u8]| [&[tag], bytes].concat();
    let sized =
        move |tag: u8, bytes: &[u8]| tagged(tag, &[&(bytes.len() as u32).to_be_bytes(), bytes].concat());
    let atom =
        "[a-z]{1,6}".prop_map(move |text| tagged(119, &[&[text.len() as u8], text.as_bytes()].concat()));
    let old_atom = any::<[u8; 3]>().prop_map(move |b| tagged(100, &[&[0, 3], &b[..]].concat()));
    let pid = any::<[u8; 12]>().prop_map(move |b| tagged(88, &[&b"\x77\x01n"[..], &b].concat()));
    let reference =
        any::<[u8; 24]>().prop_map(move |b| tagged(90, &[&b"\x00\x05\x77\x01n"[..], &b].concat()));
    let leaf = prop_oneof![
        any::<u8>().prop_map(move |n| tagged(97, &[n])),
        any::<i32>().prop_map(move |n| tagged(98, &n.to_be_bytes())),
        any::<(bool, [u8; 9])>().prop_map(move |(s, d)| tagged(110, &[&[9, u8::from(s)], &d[..]].concat())),
        any::<f64>().prop_map(move |x| tagged(70, &x.to_be_bytes())),
        atom,
        old_atom,
        pid,
        reference,
        any::<Vec<u8>>().prop_map(move |b| sized(109, &b)),
        any::<[u8; 3]>().prop_map(move |b| tagged(77, &[&[0, 0, 0, 3, 5], &b[..]].concat())),
        any::<[u8; 5]>().prop_map(move |b| tagged(107, &[&[0, 5], &b[..]].concat())),
        Just(vec![106]),
        Just(b"\x71\x77\x01m\x77\x01f\x61\x02".to_vec()),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        let items = proptest::collection::vec(inner.clone(), 0..6);
        let pairs = proptest::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            items
                .clone()
                .prop_map(move |t| tagged(104, &[&[t.len() as u8], &t.concat()[..]].concat())),
            (items, inner).prop_map(move |(t, tail)| {
                tagged(
                    108,
                    &[&(t.len() as u32).to_be_bytes(), &t.concat()[..], &tail].concat(),
                )
            }),
            pairs.prop_map(move |p| {
                let bytes: Vec<u8> = p.iter().flat_map(|(k, v)| [&k[..], v].concat()).collect();
                tagged(116, &[&(p.len() as u32).to_be_bytes(), &bytes[..]].concat())
            }),
        ]
    })
}

proptest! {
    /// Scenario: any term, with other bytes behind it. Guarantee: skipping finds its end, reading agrees, its
    /// spelling keeps its bound.
    #[test]
    fn any_term_is_skipped_read_and_spelt(term in term(), behind: Vec<u8>, chars in 3usize..200) {
        let mut bytes = vec![131];
        bytes.extend(&term);
        prop_assert_eq!(skip_term(&bytes), Ok(bytes.len()));
        prop_assert_eq!(skip_term(&[&term[..], &behind].concat()), Ok(term.len()));
        prop_assert!(Term::decode(&bytes).is_ok());
        let text = render(&bytes, chars);
        prop_assert!(text.chars().count() <= chars);
        let whole = render(&bytes, 1_000_000);
        if whole.chars().count() > chars {
            prop_assert!(text.ends_with("..."));
        } else {
            prop_assert_eq!(text, whole);
        }
    }

    /// Scenario: a term changed or cut. Guarantee: no panic, and skipping and reading agree whether it is one.
    #[test]
    fn changed_terms_are_read_or_refused(mut term in term(), at: prop::sample::Index, value: u8) {
        let at = at.index(term.len());
        prop_assert!(skip_term(&term[..at]).is_err());
        term[at] = value;
        let skipped = skip_term(&term);
        prop_assert_eq!(skipped == Ok(term.len()), Term::decode(&term).is_ok());
        let _ = render(&term, 80);
    }

    /// Scenario: any bytes, as term and as payload. Guarantee: no panic.
    #[test]
    fn any_bytes_are_read_or_refused(data: Vec<u8>) {
        let _ = skip_term(&data);
        let _ = render(&data, 80);
        let _ = ErrorPayload::decode(&data);
        let _ = ValuePayload::decode(&data);
        let _ = RootPayload::decode(&data);
        let _ = LossPayload::decode(&data);
    }

    /// Scenario: payloads that we make. Guarantee: they come back.
    #[test]
    fn payloads_come_back(name: String, span: String, term: Vec<u8>, cut: bool, redacted: bool, n: [u64; 3]) {
        for role in ValueRole::ALL {
            let value = ValuePayload { role: *role, cut, redacted, name: name.clone(), term: &term };
            let bytes = value.encode();
            prop_assert_eq!(ValuePayload::decode(&bytes).unwrap(), value);
        }
        let root = RootPayload { name, parent_span: span, attributes: &term };
        let bytes = root.encode();
        prop_assert_eq!(RootPayload::decode(&bytes).unwrap(), root);
        let [count, from, to] = n;
        let loss = LossPayload { reason: DropReason::Torn, count, from: Micros(from), to: Micros(to) };
        prop_assert_eq!(LossPayload::decode(&loss.encode()).unwrap(), loss);
    }
}

/// Scenario: terms that Elixir encoded. Guarantee: ours is Elixir's spelling.
#[test]
fn terms_are_spelt_as_elixir_does() {
    let mut wrong = Vec::new();
    for line in INSPECTED.lines() {
        let (bytes, text) = line.split_once('\t').unwrap();
        let bytes = hex(bytes);
        assert_eq!(skip_term(&bytes), Ok(bytes.len()), "{line}");
        let ours = render(&bytes, 10_000);
        if ours != text {
            wrong.push((ours, text));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Scenario: what the node cut or redacted. Guarantee: `...` and the mark, never the tuple that stands for it.
#[test]
fn cut_values_are_shown_as_cut() {
    let atom = |text: &str| [&[119, text.len() as u8], text.as_bytes()].concat();
    let list = [
        &[108, 0, 0, 0, 2, 97, 1, 104, 3][..],
        &atom("$cut"),
        &atom("list"),
        &[97, 9, 106],
    ]
    .concat();
    assert_eq!(render(&list, 80), "[1, ...]");
    let text = [&[104, 3][..], &atom("$cut"), b"\x6d\0\0\0\x02ab", &[97, 9]].concat();
    assert_eq!(render(&text, 80), "\"ab\" <> ...");
    let fun = [&[104, 2][..], &atom("$fun"), b"\x6d\0\0\0\x07M.f/1-0"].concat();
    assert_eq!(render(&fun, 80), "#Function<M.f/1-0>");
    assert_eq!(render(&atom("$redacted"), 80), ":\"$redacted\"");
    assert_eq!(render(b"\x83\x6d\0\0\0\x0chello, world", 8), "\"hell...");
}

/// Scenario: counts of 2^32 - 1, depth of 65, a compressed term, unknown tags, nothing. Guarantee: each refused, and
/// nothing made.
#[test]
fn terms_that_lie_are_refused() {
    for tag in [105, 108, 109, 111, 116, 77] {
        let error = skip_term(&[131, tag, 0xff, 0xff, 0xff, 0xff, 0, 0]).unwrap_err();
        assert!(matches!(error, EtfError::Read(_)), "{tag}: {error}");
    }
    let nested = |depth| [[104, 1].repeat(depth), vec![106]].concat();
    assert_eq!(skip_term(&nested(64)), Ok(129));
    assert!(Term::decode(&nested(64)).is_ok());
    assert_eq!(skip_term(&nested(65)), Err(EtfError::Depth));
    assert_eq!(skip_term(&nested(100_000)), Err(EtfError::Depth));
    assert_eq!(skip_term(&[131, 80, 0, 0, 1, 0]), Err(EtfError::Compressed));
    assert_eq!(skip_term(&[131, 0]), Err(EtfError::Tag { tag: 0, at: 1 }));
    assert!(skip_term(&[]).is_err());
    assert_eq!(render(&[131, 80], 80), "#Unreadable<term is compressed>");
}

/// Scenario: a closure, a reference, a port, a local term as OTP 24-26 write them. Guarantee: read to their ends.
#[test]
fn closures_and_local_terms_are_read() {
    let fun = hex(concat!(
        "8370000000d101065361aa461590d1bdf1eb62d1a6eb080000002a0000000164000865726c5f6576616c612a6200329b0d58",
        "64000d6e6f6e6f6465406e6f686f73740000006000000000000000006806610174000000016400045f78403161056400046e",
        "6f6e656400046e6f6e6574000000006c000000016805640006636c6175736561016c00000001680364000376617261016400",
        "045f7940316a6a6c0000000168056400026f7061016400012b680364000376617261016400045f7840316803640003766172",
        "61016400045f7940316a6a",
    ));
    assert_eq!(skip_term(&fun), Ok(fun.len()));
    assert_eq!(render(&fun, 80), "#Function<42.3316493/1 in :erl_eval>");
    let reference = hex("835a000364000d6e6f6e6f6465406e6f686f7374000000000003b1b24a6400026f9d4118");
    assert_eq!(
        render(&reference, 80),
        "#Reference<0.1872576792.1248067586.242098>"
    );
    assert_eq!(
        render(&hex("835964000d6e6f6e6f6465406e6f686f73740000000700000000"), 80),
        "#Port<0.7>"
    );
    assert_eq!(
        render(
            &[131, 121, 1, 2, 3, 4, 88, 106, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 1],
            80
        ),
        "#PID<0.5.6>"
    );
}

/// Scenario: an error payload as the BEAM library makes it. Guarantee: every field of it.
#[test]
fn error_payloads_are_read() {
    let error = ErrorPayload::decode(&hex(concat!(
        "8374000000066400046b696e646400056572726f726400076d6573736167656d0000002562616420617267756d656e742069",
        "6e2061726974686d657469632065787072657373696f6e64000770726f636573736d0000000853686f702e57656264000672",
        "6561736f6e640008626164617269746864000a737461636b74726163656c0000000268056d0000001053686f702e5765622e",
        "50726963696e676d0000000a756e69745f707269636561026d000000176c69622f73686f702f7765622f70726963696e672e",
        "6578610c68056d0000000665726c616e676d0000000364697661026d0000000061006a640004747970656d0000000f417269",
        "74686d657469634572726f72",
    )))
    .unwrap();
    assert_eq!(
        (error.kind.as_str(), error.exception.as_str()),
        ("error", "ArithmeticError")
    );
    assert_eq!(error.message, "bad argument in arithmetic expression");
    assert_eq!(
        (error.process.as_str(), error.reason.as_str()),
        ("Shop.Web", ":badarith")
    );
    let first = StackFrame {
        module: "Shop.Web.Pricing".into(),
        function: "unit_price".into(),
        arity: 2,
        file: "lib/shop/web/pricing.ex".into(),
        line: 12,
    };
    assert_eq!(error.stacktrace[0], first);
    assert_eq!((error.stacktrace.len(), error.stacktrace[1].line), (2, 0));
    assert!(ErrorPayload::decode(&[131, 106]).is_err());
    let mut empty = vec![131, 116];
    empty.put_u32(0);
    assert_eq!(ErrorPayload::decode(&empty), Ok(ErrorPayload::default()));
}

/// Scenario: integers of 64 bits and more. Guarantee: the first are read, the others refused.
#[test]
fn bigs_are_read_up_to_64_bits() {
    let read = |bytes: &[u8]| Term::decode(bytes).unwrap().as_i64();
    assert_eq!(read(&[110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0x80]), Some(i64::MIN));
    assert_eq!(read(&[110, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]), None);
    assert_eq!(read(&[110, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Some(1));
    assert_eq!(read(&[110, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]), None);
}

/// Scenario: a fun whose old index is a fun, and so on for a megabyte; and one with a uniq of 32 bits. Guarantee: the
/// first is refused without using the stack, the second is read, its uniq by its low bits.
#[test]
fn funs_are_not_read_by_recursion() {
    let fun = |inner: &[u8]| {
        let mut out = vec![112];
        out.extend((29 + 4 + inner.len() as u32).to_be_bytes());
        out.extend([2; 25]);
        out.extend(b"\x77\x02Mm");
        out.extend(inner);
        out
    };
    let one = fun(&[]);
    // Each level's size field says that all that follows is its own.
    let mut nested = Vec::new();
    while nested.len() < 1 << 20 {
        nested.extend(&one);
    }
    let len = nested.len();
    for at in (0..len).step_by(one.len()) {
        nested[at + 1..at + 5].copy_from_slice(&((len - at - 1) as u32).to_be_bytes());
    }
    assert!(matches!(skip_term(&nested), Err(EtfError::Tag { tag: 112, .. })));
    assert!(render(&nested, 80).starts_with("#Unreadable<"));

    let ended = fun(&[97, 3, 110, 5, 0, 4, 3, 2, 0xf1, 9]);
    let Term::Fun { uniq, arity, .. } = Term::decode(&ended).unwrap() else {
        panic!("not a fun")
    };
    assert_eq!((uniq, arity), (0xf102_0304, 2));
}
