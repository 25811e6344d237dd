//! Selections of spans: `{ ... }`, their operators, and pipelines in parentheses.

use super::Parser;
use crate::ast::{Expr, Pipeline, Spans, SpansOp, Stage};
use crate::error::Fault;
use crate::token::Kind;

/// How tight `&&` and `||` bind; structural operators bind tighter.
const LOGIC: u8 = 1;
const STRUCTURE: u8 = 2;

impl Parser {
    /// Selections with operators between them.
    pub(super) fn spans(&mut self) -> Result<Spans, Fault> {
        self.spans_above(LOGIC).map(|(spans, _)| spans)
    }

    fn spans_above(&mut self, least: u8) -> Result<(Spans, u32), Fault> {
        let (mut left, mut height) = self.selection()?;
        while let Some(op) = self.sign().and_then(SpansOp::of) {
            let tightness = match op {
                SpansOp::And | SpansOp::Or => LOGIC,
                _ => STRUCTURE,
            };
            if tightness < least {
                break;
            }
            self.advance();
            let (right, below) = self.nested(|parser| parser.spans_above(tightness + 1))?;
            height = self.above(height.max(below))?;
            left = Spans::Op {
                op,
                left: Box::new(left),
                right: Box::new(right),
            };
        }
        Ok((left, height))
    }

    fn selection(&mut self) -> Result<(Spans, u32), Fault> {
        match self.sign() {
            Some("{") => Ok((Spans::Filter(self.filter()?), 1)),
            Some("(") => {
                self.advance();
                let spans = self.nested(Self::pipeline_inside)?;
                self.need(")")?;
                Ok(spans)
            }
            _ => self.expected("`{` or `(`"),
        }
    }

    /// `{ condition }`
    pub(super) fn filter(&mut self) -> Result<Option<Expr>, Fault> {
        self.need("{")?;
        if self.eat("}") {
            return Ok(None);
        }
        let condition = self.nested(Self::condition)?;
        if self.eat("}") {
            Ok(Some(condition))
        } else {
            self.expected("an operator or `}`")
        }
    }

    /// A pipeline in parentheses. One selection alone is itself.
    fn pipeline_inside(&mut self) -> Result<(Spans, u32), Fault> {
        let (first, height) = self.spans_above(LOGIC)?;
        if !self.is_sign("|") {
            return Ok((first, height));
        }
        let mut stages = vec![Stage::Spans(first)];
        while self.is_sign("|") {
            self.advance();
            if self.is_metrics() {
                return self.expected("a stage that gives spans, as metrics come last");
            }
            stages.push(self.stage(stages.len())?);
        }
        Ok((
            Spans::Pipeline(Box::new(Pipeline { stages })),
            self.above(height)?,
        ))
    }

    /// Whether a selection comes, not a number: the first that is no parenthesis decides.
    pub(super) fn is_spans(&self) -> bool {
        let mut by = 0;
        while self.ahead(by).kind == Kind::Sign("(") {
            by += 1;
        }
        self.ahead(by).kind == Kind::Sign("{")
    }
}
