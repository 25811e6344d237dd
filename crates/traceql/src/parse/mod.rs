//! Tokens into the tree: recursive descent, with precedence climbing for operators. Types are checked on the way, so that
//! what cannot be meant is refused where it stands. Recursion is bounded by [`NESTING_MAX`], the tree by [`HEIGHT_MAX`].

mod expr;
mod metrics;
mod spans;
mod stage;

pub(crate) use expr::regex;

use crate::ast::{Ast, Field};
use crate::error::{Fault, HEIGHT_MAX, NESTING_MAX, ParseError, QUERY_BYTES_MAX};
use crate::lex::lex;
use crate::token::{Kind, Token};

/// Longest list of anything: fields, stages, quantiles, hints.
const LIST_MAX: usize = 64;

/// Reads a query.
pub fn parse(text: &str) -> Result<Ast, ParseError> {
    if text.len() > QUERY_BYTES_MAX {
        let message = format!("expected at most {QUERY_BYTES_MAX} bytes, found {}", text.len());
        return Err(Fault::new(0, message).in_text(text));
    }
    let parsed = lex(text).and_then(|tokens| {
        Parser {
            tokens,
            next: 0,
            depth: 0,
        }
        .query()
    });
    parsed.map_err(|fault| fault.in_text(text))
}

/// Reads a field alone: `resource.service.name`, `span:duration`.
pub fn parse_field(text: &str) -> Result<Field, ParseError> {
    if text.len() > QUERY_BYTES_MAX {
        let message = format!("expected at most {QUERY_BYTES_MAX} bytes, found {}", text.len());
        return Err(Fault::new(0, message).in_text(text));
    }
    let parsed = lex(text).and_then(|tokens| {
        let mut parser = Parser {
            tokens,
            next: 0,
            depth: 0,
        };
        let field = parser.field()?;
        match parser.peek() {
            Kind::End => Ok(field),
            _ => parser.expected("the end of the field"),
        }
    });
    parsed.map_err(|fault| fault.in_text(text))
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: u32,
}

const END: &Token = &Token {
    kind: Kind::End,
    offset: 0,
};

impl Parser {
    fn ahead(&self, by: usize) -> &Token {
        self.tokens
            .get(self.next + by)
            .or_else(|| self.tokens.last())
            .unwrap_or(END)
    }

    fn peek(&self) -> &Kind {
        &self.ahead(0).kind
    }

    fn offset(&self) -> usize {
        self.ahead(0).offset
    }

    fn advance(&mut self) {
        if self.next + 1 < self.tokens.len() {
            self.next += 1;
        }
    }

    /// The operator that comes, if one does.
    fn sign(&self) -> Option<&'static str> {
        match self.peek() {
            Kind::Sign(sign) => Some(sign),
            _ => None,
        }
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.sign() == Some(sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Kind::Word(it) if it == word)
    }

    /// Takes an operator if it comes.
    fn eat(&mut self, sign: &str) -> bool {
        let comes = self.is_sign(sign);
        if comes {
            self.advance();
        }
        comes
    }

    fn need(&mut self, sign: &str) -> Result<(), Fault> {
        if self.eat(sign) {
            Ok(())
        } else {
            self.expected(&format!("`{sign}`"))
        }
    }

    /// Fails with what would have been right here.
    fn expected<T>(&self, what: &str) -> Result<T, Fault> {
        let message = format!("expected {what}, found {}", self.peek());
        Err(Fault::new(self.offset(), message))
    }

    /// One level of nesting deeper while `inner` runs.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth >= NESTING_MAX {
            return Err(Fault::new(
                self.offset(),
                format!("expected at most {NESTING_MAX} levels of nesting"),
            ));
        }
        self.depth += 1;
        let value = inner(self);
        self.depth -= 1;
        value
    }

    /// The height of a tree above others.
    fn above(&self, below: u32) -> Result<u32, Fault> {
        if below >= HEIGHT_MAX {
            let message = format!("expected at most {HEIGHT_MAX} operators in one expression");
            return Err(Fault::new(self.offset(), message));
        }
        Ok(below + 1)
    }

    /// `( one, one )`, at least one.
    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        self.need("(")?;
        let mut of = vec![one(self)?];
        while self.eat(",") {
            if of.len() >= LIST_MAX {
                return self.expected(&format!("at most {LIST_MAX} of a list"));
            }
            of.push(one(self)?);
        }
        if self.eat(")") {
            Ok(of)
        } else {
            self.expected("`,` or `)`")
        }
    }

    /// `()`
    fn nothing(&mut self) -> Result<(), Fault> {
        self.need("(")?;
        self.need(")")
    }
}
