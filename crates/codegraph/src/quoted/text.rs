//! A quoted form as text, for tests and for people: nearly what `inspect(quoted)` prints, without metadata.

use std::fmt::{self, Display, Formatter};

use super::{Kind, NodeId, Quoted};

impl Quoted {
    /// The subtree as text: `{:+, [], [{:a, [], nil}, 1]}`. Nesting beyond 200 levels is written `...`.
    #[must_use]
    pub fn show(&self, id: NodeId) -> String {
        Shown {
            tree: self,
            id,
            depth: 0,
        }
        .to_string()
    }
}

const DEPTH_MAX: u32 = 200;

struct Shown<'a> {
    tree: &'a Quoted,
    id: NodeId,
    depth: u32,
}

impl Shown<'_> {
    fn all(&self, f: &mut Formatter<'_>, ids: &[NodeId]) -> fmt::Result {
        for (place, id) in ids.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            Shown {
                tree: self.tree,
                id: *id,
                depth: self.depth + 1,
            }
            .fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.depth > DEPTH_MAX {
            return f.write_str("...");
        }
        let (text, kids) = (self.tree.text(self.id), self.tree.kids(self.id));
        match self.tree.node(self.id).kind {
            Kind::Atom => write!(f, ":{text}"),
            Kind::Integer | Kind::Float => f.write_str(text),
            Kind::String => write!(f, "{:?}", String::from_utf8_lossy(self.tree.bytes(self.id))),
            Kind::Charlist => write!(f, "'{text}'"),
            Kind::Variable => write!(f, "{{:{text}, [], nil}}"),
            Kind::Error => f.write_str("#error"),
            Kind::List => {
                f.write_str("[")?;
                self.all(f, kids)?;
                f.write_str("]")
            }
            Kind::Pair => {
                f.write_str("{")?;
                self.all(f, kids)?;
                f.write_str("}")
            }
            Kind::Call => {
                write!(f, "{{:{text}, [], [")?;
                self.all(f, kids)?;
                f.write_str("]}")
            }
            Kind::Apply => {
                let (callee, args) = kids.split_at(kids.len().min(1));
                f.write_str("{")?;
                self.all(f, callee)?;
                f.write_str(", [], [")?;
                self.all(f, args)?;
                f.write_str("]}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::quoted::{Builder, Flags, Kind, Place, Symbol};

    /// Scenario: `Stock.take(n, 1)`. Guarantee: it is a remote call with two arguments, its subtree is all nodes, and
    /// it prints as Elixir would.
    #[test]
    fn a_remote_call_is_found_and_shown() {
        let (mut b, at, no) = (Builder::new(), Place::default(), Flags::default());
        let stock = b.named(Kind::Atom, "Stock", no, at, &[]);
        let module = b.named(Kind::Call, "__aliases__", no, at, &[stock]);
        let name = b.named(Kind::Atom, "take", no, at, &[]);
        let dot = b.named(Kind::Call, ".", no, at, &[module, name]);
        let n = b.named(Kind::Variable, "n", no, at, &[]);
        let one = b.named(Kind::Integer, "1", no, at, &[]);
        let call = b.add(Kind::Apply, Symbol::NONE, no, at, &[dot, n, one]);
        let tree = b.finish(Some(call));
        assert_eq!(tree.remote_call(call), Some((module, "take", &[n, one][..])));
        assert_eq!(tree.subtree(call), 0..7);
        assert!(tree.contains(call, n) && !tree.contains(dot, n));
        assert_eq!(
            tree.show(call),
            "{{:., [], [{:__aliases__, [], [:Stock]}, :take]}, [], [{:n, [], nil}, 1]}"
        );
    }
}
