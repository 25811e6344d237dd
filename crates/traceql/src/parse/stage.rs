//! A whole query, its stages, numbers out of sets of spans, hints.

use super::{LIST_MAX, Parser};
use crate::ast::{
    Aggregate, ArithmeticOp, Ast, CompareOp, Expr, Hint, Pipeline, Root, Scalar, Stage, Static, Type, binding,
};
use crate::error::Fault;
use crate::token::Kind;

const STAGES: &str = "count, avg, min, max, sum, by, coalesce, select, a selection or a metric";

/// A number out of a set, and how high its tree is; whether it has an aggregate.
type Number = (Scalar, u32, bool);

impl Parser {
    pub(super) fn query(&mut self) -> Result<Ast, Fault> {
        let mut stages = vec![self.first()?];
        let mut metrics = None;
        while self.eat("|") {
            if self.is_metrics() {
                metrics = Some(self.metrics_parts()?);
                break;
            }
            stages.push(self.stage(stages.len())?);
        }
        let pipeline = Pipeline { stages };
        let root = match metrics {
            None => Root::Search(pipeline),
            Some(parts) => Root::Metrics(parts.of(pipeline)),
        };
        let hints = self.hints()?;
        if *self.peek() != Kind::End {
            return self.expected(match (&root, hints.is_empty()) {
                (_, false) => "the end of the query",
                (Root::Search(_), true) => "an operator, `|`, `with` or the end of the query",
                (Root::Metrics(_), true) => "`by`, a comparison, `|`, `with` or the end of the query",
            });
        }
        Ok(Ast { root, hints })
    }

    /// The first stage: a selection, or a condition on the whole trace.
    fn first(&mut self) -> Result<Stage, Fault> {
        if self.is_spans() {
            return self.spans().map(Stage::Spans);
        }
        match self.peek() {
            Kind::Word(word) if Aggregate::of(word).is_some() => self.keep(),
            Kind::Sign("(") | Kind::Int(_) | Kind::Float(_) | Kind::Duration(_) => self.keep(),
            _ => self.expected("`{`, `(` or an aggregate"),
        }
    }

    /// A stage after `|`.
    pub(super) fn stage(&mut self, before: usize) -> Result<Stage, Fault> {
        if before >= LIST_MAX {
            return self.expected(&format!("at most {LIST_MAX} stages"));
        }
        if self.is_spans() {
            return self.spans().map(Stage::Spans);
        }
        let Kind::Word(word) = self.peek().clone() else {
            return match self.peek() {
                Kind::Sign("(" | "-") | Kind::Int(_) | Kind::Float(_) | Kind::Duration(_) => self.keep(),
                _ => self.expected(STAGES),
            };
        };
        match word.as_str() {
            "by" => {
                self.advance();
                self.need("(")?;
                let by = self.nested(|parser| parser.value(&[]))?;
                self.need(")")?;
                Ok(Stage::By(by))
            }
            "coalesce" => {
                self.advance();
                self.nothing()?;
                Ok(Stage::Coalesce)
            }
            "select" => {
                self.advance();
                self.list(Self::field).map(Stage::Select)
            }
            word if Aggregate::of(word).is_some() => self.keep(),
            _ => self.expected(STAGES),
        }
    }

    /// `count() > 2`
    fn keep(&mut self) -> Result<Stage, Fault> {
        let at = self.offset();
        let (left, _, left_of_spans) = self.number(binding(ArithmeticOp::Add))?;
        let op = self.sign().and_then(CompareOp::of).filter(|op| !op.is_regex());
        let Some(op) = op else {
            return self.expected("a comparison: = != > >= < <=");
        };
        self.advance();
        let (right, _, right_of_spans) = self.number(binding(ArithmeticOp::Add))?;
        if !left_of_spans && !right_of_spans {
            return Err(Fault::new(at, "expected an aggregate in the comparison"));
        }
        Ok(Stage::Where { op, left, right })
    }

    fn number(&mut self, least: u8) -> Result<Number, Fault> {
        let (mut left, mut height, mut of_spans) = self.number_operand()?;
        while let Some(op) = self.sign().and_then(ArithmeticOp::of) {
            let tightness = binding(op);
            if tightness < least {
                break;
            }
            self.advance();
            let right_least = tightness + u8::from(op != ArithmeticOp::Pow);
            let (right, below, right_of_spans) = self.nested(|parser| parser.number(right_least))?;
            height = self.above(height.max(below))?;
            of_spans |= right_of_spans;
            left = Scalar::Arithmetic(op, Box::new(left), Box::new(right));
        }
        Ok((left, height, of_spans))
    }

    fn number_operand(&mut self) -> Result<Number, Fault> {
        if self.eat("(") {
            let inner = self.nested(|parser| parser.number(binding(ArithmeticOp::Add)))?;
            self.need(")")?;
            return Ok(inner);
        }
        if let Kind::Word(word) = self.peek()
            && let Some(which) = Aggregate::of(word)
        {
            self.advance();
            return Ok((Scalar::Aggregate(which, self.aggregated(which)?), 1, true));
        }
        let at = self.offset();
        match self.literal()? {
            Some(value) if value.number().is_some() => Ok((Scalar::Static(value), 1, false)),
            Some(_) => Err(Fault::new(at, "expected a number, a duration or an aggregate")),
            None => self.expected("a number, a duration or an aggregate"),
        }
    }

    fn aggregated(&mut self, which: Aggregate) -> Result<Option<Expr>, Fault> {
        if which == Aggregate::Count {
            return self.nothing().map(|()| None);
        }
        self.need("(")?;
        let of = self.nested(|parser| parser.value(&[Type::Number]))?;
        self.need(")")?;
        Ok(Some(of))
    }

    /// `with (key = value, ...)`, if it comes.
    fn hints(&mut self) -> Result<Vec<Hint>, Fault> {
        if !self.is_word("with") {
            return Ok(Vec::new());
        }
        self.advance();
        self.list(|parser| {
            let Kind::Word(key) = parser.peek().clone() else {
                return parser.expected("the name of a hint");
            };
            parser.advance();
            parser.need("=")?;
            let at = parser.offset();
            match parser.literal()? {
                Some(Static::Nil) => Err(Fault::new(at, "expected the value of a hint, found nil")),
                Some(value) => Ok(Hint { key, value }),
                None => parser.expected("the value of a hint"),
            }
        })
    }
}
