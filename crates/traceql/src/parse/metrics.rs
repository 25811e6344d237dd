//! Metrics: what is measured, by what, and what becomes of the series.

use super::{LIST_MAX, Parser};
use crate::ast::{CompareOp, Field, Measure, Metrics, OverTime, Pipeline, Static, Then, Type};
use crate::error::Fault;
use crate::token::Kind;

/// Most fields in `by`.
const BY_MAX: usize = 10;
/// Most quantiles at once.
const QUANTILES_MAX: usize = 16;
/// Values that `compare` returns for an attribute, unless it says how many.
const COMPARE_TOP: u32 = 10;
/// Most series or values that may be asked for.
const TOP_MAX: u64 = 10_000;

/// Metrics without the spans before them.
pub(super) struct Parts {
    measure: Measure,
    by: Vec<Field>,
    then: Vec<Then>,
}

impl Parts {
    pub(super) fn of(self, spans: Pipeline) -> Metrics {
        Metrics {
            spans,
            measure: self.measure,
            by: self.by,
            then: self.then,
        }
    }
}

impl Parser {
    /// Whether a metric comes.
    pub(super) fn is_metrics(&self) -> bool {
        let Kind::Word(word) = self.peek() else {
            return false;
        };
        OverTime::of(word).is_some()
            || matches!(
                word.as_str(),
                "rate" | "count_over_time" | "quantile_over_time" | "histogram_over_time" | "compare"
            )
    }

    pub(super) fn metrics_parts(&mut self) -> Result<Parts, Fault> {
        let measure = self.measure()?;
        let mut by = Vec::new();
        if self.is_word("by") {
            if matches!(measure, Measure::Compare { .. }) {
                return self.expected("no `by` after compare");
            }
            self.advance();
            by = self.list(|parser| {
                let offset = parser.offset();
                let field = parser.field()?;
                if field.is_many() {
                    let message = "expected a field of which a span has one, found one of events or links";
                    return Err(Fault::new(offset, message));
                }
                Ok(field)
            })?;
            if by.len() > BY_MAX {
                return self.expected(&format!("at most {BY_MAX} fields in `by` before this"));
            }
        }
        Ok(Parts {
            measure,
            by,
            then: self.then()?,
        })
    }

    fn measure(&mut self) -> Result<Measure, Fault> {
        let Kind::Word(word) = self.peek().clone() else {
            return self.expected("a metric");
        };
        self.advance();
        Ok(match word.as_str() {
            "rate" => self.nothing().map(|()| Measure::Rate)?,
            "count_over_time" => self.nothing().map(|()| Measure::Count)?,
            "compare" => self.compare()?,
            "quantile_over_time" => {
                self.need("(")?;
                let field = self.number_field()?;
                let mut quantiles = Vec::new();
                while self.eat(",") {
                    quantiles.push(self.quantile(quantiles.len())?);
                }
                if quantiles.is_empty() {
                    return self.expected("`,` and a quantile from 0 to 1");
                }
                self.need(")")?;
                Measure::Quantiles(field, quantiles)
            }
            _ => {
                self.need("(")?;
                let field = self.number_field()?;
                self.need(")")?;
                match OverTime::of(&word) {
                    Some(which) => Measure::Over(which, field),
                    None => Measure::Histogram(field),
                }
            }
        })
    }

    fn number_field(&mut self) -> Result<Field, Fault> {
        let offset = self.offset();
        let field = self.field()?;
        if !matches!(field.kind(), Type::Any | Type::Number) {
            let message = format!("expected a number or duration, found {}", field.kind().name());
            return Err(Fault::new(offset, message));
        }
        Ok(field)
    }

    fn quantile(&mut self, before: usize) -> Result<f64, Fault> {
        let offset = self.offset();
        let fault = || Err(Fault::new(offset, "expected a quantile from 0 to 1"));
        match self.literal()? {
            _ if before >= QUANTILES_MAX => self.expected(&format!("at most {QUANTILES_MAX} quantiles")),
            Some(Static::Int(number @ (0 | 1))) => Ok(number as f64),
            Some(Static::Float(number)) if (0.0..=1.0).contains(&number) => Ok(number),
            _ => fault(),
        }
    }

    /// `({...}[, top[, start, end]])`
    fn compare(&mut self) -> Result<Measure, Fault> {
        self.need("(")?;
        let filter = self.nested(Self::filter)?;
        let mut top = COMPARE_TOP;
        let mut within = None;
        if self.eat(",") {
            top = self.count("how many values of an attribute to return")?;
            if self.eat(",") {
                let start = self.time()?;
                self.need(",")?;
                let at = self.offset();
                let end = self.time()?;
                if end <= start {
                    return Err(Fault::new(at, "expected an end after the start"));
                }
                within = Some((start, end));
            }
        }
        if !self.eat(")") {
            return self.expected("`,` or `)`");
        }
        Ok(Measure::Compare { filter, top, within })
    }

    fn count(&mut self, what: &str) -> Result<u32, Fault> {
        match *self.peek() {
            Kind::Int(number @ 1..=TOP_MAX) => {
                self.advance();
                Ok(number as u32)
            }
            _ => self.expected(&format!("{what}, from 1 to {TOP_MAX}")),
        }
    }

    fn time(&mut self) -> Result<u64, Fault> {
        match *self.peek() {
            Kind::Int(number) => {
                self.advance();
                Ok(number)
            }
            _ => self.expected("a time in Unix nanoseconds"),
        }
    }

    /// `| topk(5)`, `> 10`, any number of times.
    fn then(&mut self) -> Result<Vec<Then>, Fault> {
        let mut then = Vec::new();
        loop {
            if then.len() >= LIST_MAX {
                return self.expected(&format!("at most {LIST_MAX} stages"));
            }
            if let Some(op) = self.sign().and_then(CompareOp::of).filter(|op| !op.is_regex()) {
                self.advance();
                let at = self.offset();
                match self.literal()? {
                    Some(value) if value.number().is_some() => then.push(Then::Keep(op, value)),
                    Some(_) => return Err(Fault::new(at, "expected a number or duration")),
                    None => return self.expected("a number or duration"),
                }
                continue;
            }
            if !self.eat("|") {
                return Ok(then);
            }
            let top = self.is_word("topk");
            if !top && !self.is_word("bottomk") {
                return self.expected("topk or bottomk");
            }
            self.advance();
            self.need("(")?;
            let count = self.count("how many series")?;
            self.need(")")?;
            then.push(if top {
                Then::Top(count)
            } else {
                Then::Bottom(count)
            });
        }
    }
}
