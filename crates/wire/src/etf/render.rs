//! A term as Elixir's `inspect` spells it, as far as its bytes tell.
//!
//! What the node cut on its way (`{:"$cut", ...}`, see `ElixirScope.Value`) is shown as `...`, its functions
//! (`{:"$fun", name}`) by name. Lists of small
//! integers stay lists: whether one was meant as text is not in its bytes.

use std::fmt::Write as _;

use super::Term;
use super::leaf::{enclosed, float, is_alias, print_atom, print_big, print_binary, print_bits, print_key};
use super::printer::{CUT, Printer};

const CUT_MARK: &str = "$cut";
const FUN_MARK: &str = "$fun";

/// The term in Elixir's spelling, at most `chars_max` characters; of bytes that are no term, what is wrong with them.
pub fn render(data: &[u8], chars_max: usize) -> String {
    match Term::decode(data) {
        Ok(term) => render_term(&term, chars_max),
        Err(error) => {
            let mut out = Printer::new(chars_max);
            // Writing to a `Printer` cannot fail.
            let _ = write!(out, "#Unreadable<{error}>");
            out.finish()
        }
    }
}

/// The same of a term that is read already.
pub(super) fn render_term(term: &Term<'_>, chars_max: usize) -> String {
    let mut out = Printer::new(chars_max);
    print(&mut out, term);
    out.finish()
}

fn print(out: &mut Printer, term: &Term<'_>) {
    if out.is_cut() {
        return;
    }
    // Writing to a `Printer` cannot fail.
    let _ = match term {
        Term::Int(n) => write!(out, "{n}"),
        Term::Big { negative, digits } => {
            print_big(out, *negative, digits);
            Ok(())
        }
        Term::Float(x) => write!(out, "{}", float(*x)),
        Term::Pid { id, serial } => write!(out, "#PID<0.{id}.{serial}>"),
        Term::Port(id) => write!(out, "#Port<0.{id}>"),
        Term::Fun {
            module,
            index,
            uniq,
            arity,
        } => {
            let _ = write!(out, "#Function<{index}.{uniq}/{arity} in ");
            print_atom(out, module);
            out.push(">");
            Ok(())
        }
        Term::Export {
            module,
            function,
            arity,
        } => {
            out.push("&");
            print_atom(out, module);
            out.push(".");
            print_key(out, function);
            write!(out, "/{arity}")
        }
        Term::Atom(text) => {
            print_atom(out, text);
            Ok(())
        }
        other => {
            print_compound(out, other);
            Ok(())
        }
    };
}

fn print_compound(out: &mut Printer, term: &Term<'_>) {
    match term {
        Term::Binary(bytes) => print_binary(out, bytes),
        Term::Bits { bytes, last } => print_bits(out, bytes, *last),
        Term::Bytes(bytes) => {
            let items = bytes.iter().map(|b| Term::Int(i64::from(*b)));
            enclosed(out, "[", "]", items, |out, n| print(out, &n));
        }
        Term::List(elements, None) if is_keywords(elements) => {
            enclosed(out, "[", "]", elements, |out, pair| {
                if let Term::Tuple(pair) = pair
                    && let [key, value] = pair.as_slice()
                {
                    print_pair(out, key, value, true);
                }
            });
        }
        Term::List(elements, tail) => {
            let end = if tail.is_some() { "" } else { "]" };
            enclosed(out, "[", end, elements, print);
            if let Some(tail) = tail {
                out.push(" | ");
                print(out, tail);
                out.push("]");
            }
        }
        Term::Tuple(elements) => match elements.as_slice() {
            [Term::Atom(mark), Term::Binary(prefix), _] if mark == CUT_MARK => {
                print_binary(out, prefix);
                out.push(" <> ");
                out.push(CUT);
            }
            [Term::Atom(mark), Term::Atom(_), _] if mark == CUT_MARK => out.push(CUT),
            [Term::Atom(mark), Term::Binary(name)] if mark == FUN_MARK => {
                let _ = write!(out, "#Function<{}>", String::from_utf8_lossy(name));
            }
            elements => enclosed(out, "{", "}", elements, print),
        },
        Term::Map(pairs) => print_map(out, pairs),
        Term::Reference(words) => {
            out.push("#Reference<0");
            for word in words.iter().rev() {
                let _ = write!(out, ".{word}");
            }
            out.push(">");
        }
        _ => {}
    }
}

fn print_pair(out: &mut Printer, key: &Term<'_>, value: &Term<'_>, keyword: bool) {
    match key {
        Term::Atom(text) if keyword => {
            print_key(out, text);
            out.push(": ");
        }
        key => {
            print(out, key);
            out.push(" => ");
        }
    }
    print(out, value);
}

fn is_key(term: &Term<'_>) -> bool {
    term.as_atom()
        .is_some_and(|text| !text.starts_with("Elixir.") && text != FUN_MARK)
}

fn is_keywords(elements: &[Term<'_>]) -> bool {
    let pair = |e: &Term<'_>| matches!(e, Term::Tuple(t) if t.len() == 2 && t.first().is_some_and(is_key));
    !elements.is_empty() && elements.iter().all(pair)
}

/// `%{a: 1}`, `%{"a" => 1}`, `%Shop.Order{id: 1}`.
fn print_map(out: &mut Printer, pairs: &[(Term<'_>, Term<'_>)]) {
    const STRUCT: &str = "__struct__";
    let keyword = pairs.iter().all(|(key, _)| is_key(key));
    let name = pairs
        .iter()
        .find(|(key, _)| key.as_atom() == Some(STRUCT))
        .and_then(|(_, name)| name.as_atom());
    let name = name.filter(|name| keyword && is_alias(name));
    let begin = match name {
        Some(name) => format!("%{}{{", name.strip_prefix("Elixir.").unwrap_or(name)),
        None => "%{".to_owned(),
    };
    let fields = pairs
        .iter()
        .filter(|(key, _)| name.is_none() || key.as_atom() != Some(STRUCT));
    enclosed(out, &begin, "}", fields, |out, (key, value)| {
        print_pair(out, key, value, keyword);
    });
}
