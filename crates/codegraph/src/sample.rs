//! Small quoted forms written as text, for tests: `(def (f x) [{:do (+ x 1)}])`.
//!
//! `(name a b)` is a call, `(apply! callee a b)` an application, `[a b]` a list, `{a b}` a pair, `:a` an atom, `:!` the
//! atom of `A.{B, C}`, `12` an integer,
//! `"s"` a string, `Shop.Stock` an alias, another word a variable. Commas are blanks.

use crate::quoted::{Builder, Flags, Kind, NodeId, Place, Quoted, Symbol};

/// Reads one form.
pub(crate) fn sample(text: &str) -> Quoted {
    let mut reader = Reader {
        words: words(text),
        at: 0,
        builder: Builder::new(),
    };
    let root = reader.form();
    reader.builder.finish(root)
}

fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for char in text.chars() {
        if quoted || char == '"' {
            word.push(char);
            quoted = !quoted || char != '"';
        } else if "()[]{}".contains(char) || char.is_whitespace() || char == ',' {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if "()[]{}".contains(char) {
                words.push(char.to_string());
            }
        } else {
            word.push(char);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

struct Reader {
    words: Vec<String>,
    at: usize,
    builder: Builder,
}

impl Reader {
    fn next(&mut self) -> Option<String> {
        self.at += 1;
        self.words.get(self.at - 1).cloned()
    }

    fn forms(&mut self, end: &str) -> Vec<NodeId> {
        let mut forms = Vec::new();
        while self.words.get(self.at).is_some_and(|word| word != end) {
            forms.extend(self.form());
        }
        self.at += 1;
        forms
    }

    fn form(&mut self) -> Option<NodeId> {
        let word = self.next()?;
        let (at, no) = (Place::default(), Flags::default());
        let first = word.chars().next()?;
        Some(match first {
            '(' => {
                let name = self.next()?;
                if name == "apply!" {
                    let kids = self.forms(")");
                    return Some(self.builder.add(Kind::Apply, Symbol::NONE, no, at, &kids));
                }
                let kids = self.forms(")");
                self.builder.named(Kind::Call, &name, no, at, &kids)
            }
            '[' => {
                let kids = self.forms("]");
                self.builder.add(Kind::List, Symbol::NONE, no, at, &kids)
            }
            '{' => {
                let kids = self.forms("}");
                self.builder.add(Kind::Pair, Symbol::NONE, no, at, &kids)
            }
            ':' if word == ":!" => self.builder.named(Kind::Atom, "{}", no, at, &[]),
            ':' => self.builder.named(Kind::Atom, &word[1..], no, at, &[]),
            '"' => self
                .builder
                .named(Kind::String, word.trim_matches('"'), no, at, &[]),
            '0'..='9' => self.builder.named(Kind::Integer, &word, no, at, &[]),
            'A'..='Z' => {
                let parts: Vec<NodeId> = word
                    .split('.')
                    .map(|part| self.builder.named(Kind::Atom, part, no, at, &[]))
                    .collect();
                self.builder.named(Kind::Call, "__aliases__", no, at, &parts)
            }
            _ => self.builder.named(Kind::Variable, &word, no, at, &[]),
        })
    }
}
