//! Specs, callbacks and types of an Elixir module: Erlang's abstract forms (`erl_parse`), written as Elixir does.

use codegraph::compiled::{CompiledSpec, SpecKind};
use wire::etf::Token;

use super::terms::{TermRef, Terms};

/// Types inside one another that are written; deeper ones are `...`.
const DEPTH_MAX: usize = 48;
/// Most bytes of one spec; the rest is cut.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// All of a module's attributes of types, ascending.
pub(super) fn read(terms: &Terms<'_>, attributes: TermRef) -> Vec<CompiledSpec> {
    let mut found: Vec<CompiledSpec> = terms
        .list(attributes)
        .into_iter()
        .filter_map(|attribute| one(terms, attribute))
        .collect();
    found.sort();
    found
}

fn one(terms: &Terms<'_>, attribute: TermRef) -> Option<CompiledSpec> {
    let [_, at, kind, what] = terms.tuple(attribute)?;
    let kind = match terms.atom(kind)?.as_ref() {
        "spec" => SpecKind::Spec,
        "callback" => SpecKind::Callback,
        "type" => SpecKind::Type,
        "opaque" => SpecKind::Opaque,
        _ => return None,
    };
    let mut writer = Writer {
        terms,
        text: String::new(),
    };
    let (name, arity) = if matches!(kind, SpecKind::Spec | SpecKind::Callback) {
        let [signature, clauses] = terms.tuple(what)?;
        let [name, arity] = terms.tuple(signature)?;
        let (name, arity) = (terms.atom(name)?.into_owned(), terms.int(arity)?);
        // A macro has the caller's environment before its parameters.
        let (name, hidden) = match name.strip_prefix("MACRO-") {
            Some(plain) => (plain.to_owned(), 1),
            None => (name, 0),
        };
        for (place, clause) in terms.list(clauses).into_iter().enumerate() {
            if place > 0 {
                writer.text.push('\n');
            }
            writer.text.push_str(&name);
            writer.clause(clause, hidden);
        }
        (name, u8::try_from(arity).ok()?.saturating_sub(hidden as u8))
    } else {
        let [name, body, parameters] = terms.tuple(what)?;
        let name = terms.atom(name)?.into_owned();
        let parameters = terms.list(parameters);
        writer.text.push_str(&name);
        writer.group("(", &parameters, ")", 0);
        writer.text.push_str(" :: ");
        writer.typed(body, 0);
        (name, u8::try_from(parameters.len()).ok()?)
    };
    let cut = writer.text.floor_char_boundary(TEXT_BYTES_MAX);
    writer.text.truncate(cut);
    Some(CompiledSpec {
        kind,
        name,
        arity,
        line: line(terms, at),
        text: writer.text,
    })
}

/// A line, or a line and a column.
fn line(terms: &Terms<'_>, at: TermRef) -> u32 {
    let pair = || terms.tuple(at).and_then(|[line, _column]| terms.int(line));
    let line = terms.int(at).or_else(pair);
    line.and_then(|line| line.try_into().ok()).unwrap_or_default()
}

struct Writer<'a, 'b> {
    terms: &'a Terms<'b>,
    text: String,
}

impl Writer<'_, '_> {
    /// A type's kind, name and arguments: `{type, _, name, args}`.
    fn parts(&self, of: TermRef) -> Option<(String, Vec<TermRef>)> {
        let parts: Vec<TermRef> = self.terms.children(of).collect();
        let name = self.terms.atom(*parts.get(2)?)?.into_owned();
        Some((name, self.terms.list(*parts.get(3)?)))
    }

    fn kind(&self, of: TermRef) -> String {
        match self.terms.token(of) {
            Token::Tuple(_) => self
                .terms
                .children(of)
                .next()
                .and_then(|kind| self.terms.atom(kind)),
            _ => None,
        }
        .map_or_else(String::new, std::borrow::Cow::into_owned)
    }

    /// `(a, b) :: c when v: t`.
    fn clause(&mut self, clause: TermRef, hidden: usize) {
        let Some((name, parts)) = self.parts(clause) else {
            return;
        };
        let (function, constraints) = match (name.as_str(), parts.as_slice()) {
            ("bounded_fun", [function, constraints]) => (*function, self.terms.list(*constraints)),
            _ => (clause, Vec::new()),
        };
        let Some((_, ends)) = self.parts(function) else {
            return;
        };
        if let [product, result] = ends.as_slice() {
            let parameters = self
                .parts(*product)
                .map(|(_, parameters)| parameters)
                .unwrap_or_default();
            self.group("(", parameters.get(hidden..).unwrap_or_default(), ")", 0);
            self.text.push_str(" :: ");
            self.typed(*result, 0);
        }
        for (place, constraint) in constraints.into_iter().enumerate() {
            self.text.push_str(if place == 0 { " when " } else { ", " });
            // {type, _, constraint, [{atom, _, is_subtype}, [variable, type]]}
            let of = self
                .parts(constraint)
                .and_then(|(_, parts)| parts.get(1).copied());
            if let [variable, bound] = of.map(|of| self.terms.list(of)).unwrap_or_default().as_slice() {
                self.typed(*variable, 0);
                self.text.push_str(": ");
                self.typed(*bound, 0);
            }
        }
    }

    fn group(&mut self, open: &str, of: &[TermRef], close: &str, depth: usize) {
        self.text.push_str(open);
        self.separated(of, ", ", depth);
        self.text.push_str(close);
    }

    fn separated(&mut self, of: &[TermRef], between: &str, depth: usize) {
        for (place, one) in of.iter().enumerate() {
            if place > 0 {
                self.text.push_str(between);
            }
            self.typed(*one, depth + 1);
        }
    }

    fn typed(&mut self, of: TermRef, depth: usize) {
        if depth > DEPTH_MAX || self.text.len() > TEXT_BYTES_MAX {
            self.text.push_str("...");
            return;
        }
        let parts: Vec<TermRef> = self.terms.children(of).collect();
        match (self.kind(of).as_str(), parts.as_slice()) {
            ("type" | "user_type", [_, _, _, _]) => self.named(of, depth),
            ("remote_type", [_, _, path]) => {
                if let [module, name, arguments] = self.terms.list(*path).as_slice() {
                    self.typed(*module, depth + 1);
                    self.text.push('.');
                    let name = self
                        .terms
                        .children(*name)
                        .nth(2)
                        .and_then(|name| self.terms.atom(name));
                    self.text.push_str(&name.unwrap_or_default());
                    let arguments = self.terms.list(*arguments);
                    self.group("(", &arguments, ")", depth);
                }
            }
            ("ann_type", [_, _, pair]) => {
                let pair = self.terms.list(*pair);
                self.separated(&pair, " :: ", depth);
            }
            ("var", [_, _, name]) => {
                let name = self.terms.atom(*name).unwrap_or_default().into_owned();
                self.text.push_str(&name);
            }
            ("atom", [_, _, atom]) => {
                let atom = self.terms.atom(*atom).unwrap_or_default().into_owned();
                self.text.push_str(&atom_text(&atom));
            }
            ("integer" | "char", [_, _, number]) => match self.terms.int(*number) {
                Some(number) => self.text.push_str(&number.to_string()),
                None => self.text.push_str("..."),
            },
            ("op", [_, _, operator, number]) => {
                let operator = self.terms.atom(*operator).unwrap_or_default().into_owned();
                self.text.push_str(&operator);
                self.typed(*number, depth + 1);
            }
            _ => self.text.push_str("term()"),
        }
    }

    fn named(&mut self, of: TermRef, depth: usize) {
        // `tuple`, `map` of anything have the atom `any` instead of a list.
        let Some((name, args)) = self.parts(of) else {
            return self.text.push_str("term()");
        };
        let last = self
            .terms
            .children(of)
            .nth(3)
            .and_then(|last| self.terms.atom(last));
        let is_any = last.as_deref() == Some("any");
        match (name.as_str(), args.as_slice()) {
            ("tuple" | "map", _) if is_any => {
                self.text.push_str(&name);
                self.text.push_str("()");
            }
            ("tuple", _) => self.group("{", &args, "}", depth),
            ("union", _) => self.separated(&args, " | ", depth),
            ("list", [_]) => self.group("[", &args, "]", depth),
            ("nonempty_list", [_]) => self.group("[", &args, ", ...]", depth),
            ("nil", []) => self.text.push_str("[]"),
            ("map", _) => self.map(&args, depth),
            ("range", [_, _]) => self.separated(&args, "..", depth),
            ("fun", [parameters, result]) => {
                let (kind, parameters) = self.parts(*parameters).unwrap_or_default();
                self.text.push('(');
                if kind == "any" {
                    self.text.push_str("...");
                } else {
                    self.separated(&parameters, ", ", depth);
                }
                self.text.push_str(" -> ");
                self.typed(*result, depth + 1);
                self.text.push(')');
            }
            ("binary", [size, unit]) => {
                self.text.push_str("<<_::");
                self.typed(*size, depth + 1);
                self.text.push_str(", _::_*");
                self.typed(*unit, depth + 1);
                self.text.push_str(">>");
            }
            _ => {
                self.text.push_str(&name);
                self.group("(", &args, ")", depth);
            }
        }
    }

    /// `%{required(k) => v}`; a struct has its name.
    fn map(&mut self, pairs: &[TermRef], depth: usize) {
        self.text.push_str("%{");
        for (place, pair) in pairs.iter().enumerate() {
            if place > 0 {
                self.text.push_str(", ");
            }
            let Some((kind, sides)) = self.parts(*pair) else {
                continue;
            };
            let [key, value] = sides.as_slice() else { continue };
            let atom = (self.kind(*key) == "atom")
                .then(|| {
                    self.terms
                        .children(*key)
                        .nth(2)
                        .and_then(|key| self.terms.atom(key))
                })
                .flatten();
            match (kind.as_str(), atom) {
                ("map_field_exact", Some(atom)) => {
                    self.text.push_str(&atom);
                    self.text.push_str(": ");
                }
                (kind, _) => {
                    self.text.push_str(if kind == "map_field_exact" {
                        "required("
                    } else {
                        "optional("
                    });
                    self.typed(*key, depth + 1);
                    self.text.push_str(") => ");
                }
            }
            self.typed(*value, depth + 1);
        }
        self.text.push('}');
    }
}

/// `nil`, `Shop.Order`, `:ok`.
fn atom_text(atom: &str) -> String {
    match (atom, atom.strip_prefix("Elixir.")) {
        ("nil" | "true" | "false", _) => atom.to_owned(),
        (_, Some(module)) => module.to_owned(),
        (_, None) => {
            let mut chars = atom.chars();
            let is_plain = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '?' | '!' | '@'));
            if is_plain {
                format!(":{atom}")
            } else {
                format!(":{atom:?}")
            }
        }
    }
}
