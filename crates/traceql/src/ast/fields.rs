//! All fields that a query names. The parser bounds how deep a tree is.

use super::{Ast, Expr, Field, Measure, Pipeline, Root, Scalar, Spans, Stage};

type Each<'e> = dyn FnMut(&Field) + 'e;

impl Ast {
    /// Calls for each field, as often as it is named.
    pub fn fields(&self, each: &mut dyn FnMut(&Field)) {
        match &self.root {
            Root::Search(pipeline) => of_pipeline(pipeline, each),
            Root::Metrics(metrics) => {
                of_pipeline(&metrics.spans, each);
                match &metrics.measure {
                    Measure::Rate | Measure::Count => {}
                    Measure::Over(_, field) | Measure::Quantiles(field, _) | Measure::Histogram(field) => {
                        each(field);
                    }
                    Measure::Compare { filter, .. } => {
                        if let Some(filter) = filter {
                            of_expr(filter, each);
                        }
                    }
                }
                metrics.by.iter().for_each(each);
            }
        }
    }
}

fn of_pipeline(pipeline: &Pipeline, each: &mut Each<'_>) {
    for stage in &pipeline.stages {
        match stage {
            Stage::Spans(spans) => of_spans(spans, each),
            Stage::Where { left, right, .. } => {
                of_scalar(left, each);
                of_scalar(right, each);
            }
            Stage::By(expr) => of_expr(expr, each),
            Stage::Coalesce => {}
            Stage::Select(fields) => fields.iter().for_each(&mut *each),
        }
    }
}

fn of_spans(spans: &Spans, each: &mut Each<'_>) {
    match spans {
        Spans::Filter(None) => {}
        Spans::Filter(Some(expr)) => of_expr(expr, each),
        Spans::Op { left, right, .. } => {
            of_spans(left, each);
            of_spans(right, each);
        }
        Spans::Pipeline(pipeline) => of_pipeline(pipeline, each),
    }
}

fn of_scalar(scalar: &Scalar, each: &mut Each<'_>) {
    match scalar {
        Scalar::Static(_) | Scalar::Aggregate(_, None) => {}
        Scalar::Aggregate(_, Some(expr)) => of_expr(expr, each),
        Scalar::Arithmetic(_, left, right) => {
            of_scalar(left, each);
            of_scalar(right, each);
        }
    }
}

fn of_expr(expr: &Expr, each: &mut Each<'_>) {
    match expr {
        Expr::Static(_) => {}
        Expr::Field(field) => each(field),
        Expr::Compare(_, left, right) | Expr::Logic(_, left, right) | Expr::Arithmetic(_, left, right) => {
            of_expr(left, each);
            of_expr(right, each);
        }
        Expr::Not(inside) | Expr::Minus(inside) => of_expr(inside, each),
    }
}

#[cfg(test)]
mod tests {
    use crate::parse;

    fn named(text: &str) -> Vec<String> {
        let mut names = Vec::new();
        parse(text)
            .unwrap()
            .fields(&mut |field| names.push(field.key().to_owned()));
        names
    }

    /// Scenario: queries that name a field in each place where one may stand. Guarantee: each is found.
    #[test]
    fn every_place() {
        assert_eq!(
            named("{ .a = 1 && (!.b || -.c > .d + 2) } && ({ .e } >> { .f = nil })"),
            ["a", "b", "c", "d", "e", "f"]
        );
        assert_eq!(
            named("{ .a } | avg(.b) + max(.c) > 2 | by(.d) | coalesce() | select(.e, span.f)"),
            ["a", "b", "c", "d", "e", "f"]
        );
        assert_eq!(
            named("({ .a } | count() > 1) ~ ({ .b } | { .c })"),
            ["a", "b", "c"]
        );
        assert_eq!(named("{ .a } | rate() by (.b, resource.c)"), ["a", "b", "c"]);
        assert_eq!(named("{ .a } | sum_over_time(.b)"), ["a", "b"]);
        assert_eq!(
            named("{ .a } | quantile_over_time(.b, .9) by (.c)"),
            ["a", "b", "c"]
        );
        assert_eq!(named("{ .a } | histogram_over_time(.b)"), ["a", "b"]);
        assert_eq!(named("{ .a } | compare({ .b = 1 })"), ["a", "b"]);
        assert_eq!(
            named("{ parent.x = 1 && statusMessage != \"\" }"),
            ["x", "statusMessage"]
        );
    }
}
