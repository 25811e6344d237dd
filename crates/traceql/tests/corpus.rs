//! A corpus of queries, right and wrong, with what must come of each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fmt::Write as _;

use traceql::ast::{Ast, Expr, Metrics, Pipeline, Root, Scalar, Spans, Stage};
use traceql::parse;

fn expr(of: &Expr) -> String {
    match of {
        Expr::Static(value) => value.to_string(),
        Expr::Field(field) => field.to_string(),
        Expr::Compare(op, left, right) => format!("({op} {} {})", expr(left), expr(right)),
        Expr::Logic(op, left, right) => format!("({op} {} {})", expr(left), expr(right)),
        Expr::Arithmetic(op, left, right) => format!("({op} {} {})", expr(left), expr(right)),
        Expr::Not(inner) => format!("(! {})", expr(inner)),
        Expr::Minus(inner) => format!("(- {})", expr(inner)),
    }
}

fn spans(of: &Spans) -> String {
    match of {
        Spans::Filter(None) => "{}".to_owned(),
        Spans::Filter(Some(condition)) => format!("{{{}}}", expr(condition)),
        Spans::Op { op, left, right } => format!("({op} {} {})", spans(left), spans(right)),
        Spans::Pipeline(inner) => format!("({})", pipeline(inner)),
    }
}

fn scalar(of: &Scalar) -> String {
    match of {
        Scalar::Static(value) => value.to_string(),
        Scalar::Aggregate(which, None) => format!("({which})"),
        Scalar::Aggregate(which, Some(of)) => format!("({which} {})", expr(of)),
        Scalar::Arithmetic(op, left, right) => format!("({op} {} {})", scalar(left), scalar(right)),
    }
}

fn pipeline(of: &Pipeline) -> String {
    let stages = of.stages.iter().map(|stage| match stage {
        Stage::Spans(of) => spans(of),
        Stage::Where { op, left, right } => format!("(where {op} {} {})", scalar(left), scalar(right)),
        Stage::By(by) => format!("(by {})", expr(by)),
        Stage::Coalesce => "(coalesce)".to_owned(),
        Stage::Select(fields) => {
            let names: Vec<String> = fields.iter().map(ToString::to_string).collect();
            format!("(select {})", names.join(" "))
        }
    });
    stages.collect::<Vec<_>>().join(" | ")
}

fn tree(ast: &Ast) -> String {
    let mut text = match &ast.root {
        Root::Search(search) => pipeline(search),
        Root::Metrics(Metrics {
            spans,
            measure,
            by,
            then,
        }) => {
            let mut text = format!("{} | [{measure}", pipeline(spans));
            for field in by {
                write!(text, " by:{field}").unwrap();
            }
            for then in then {
                write!(text, " {then:?}").unwrap();
            }
            text + "]"
        }
    };
    for hint in &ast.hints {
        write!(text, " with:{hint}").unwrap();
    }
    text
}

/// Scenario: every query of the corpus is read, shown, and read again. Guarantee: it has the tree that was written down, and
/// what is shown means the same.
#[test]
fn right_queries() {
    let text = include_str!("corpus/valid.txt");
    let bless = std::env::var_os("BLESS").is_some();
    let mut blessed = String::new();
    let mut count = 0;
    for line in text.lines() {
        if line.starts_with('#') {
            writeln!(blessed, "{line}").unwrap();
            continue;
        }
        let (query, expected) = line.split_once("    => ").unwrap_or((line, ""));
        let ast = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let found = tree(&ast);
        let shown = ast.to_string();
        assert_eq!(parse(&shown).as_ref(), Ok(&ast), "{query} is shown as {shown}");
        if bless {
            writeln!(blessed, "{query}    => {found}").unwrap();
        } else {
            assert_eq!(found, expected, "{query}");
        }
        count += 1;
    }
    if bless {
        std::fs::write("tests/corpus/valid.txt", blessed).unwrap();
    }
    assert!(count >= 150, "{count}");
}

/// Scenario: every wrong query of the corpus is read. Guarantee: it is refused at the place and with the words that were
/// written down.
#[test]
fn wrong_queries() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in include_str!("corpus/invalid.txt").lines() {
        if line.starts_with('#') {
            continue;
        }
        let mut parts = line.splitn(3, " | ");
        let place = parts.next().unwrap();
        let message = parts.next().unwrap().trim_end_matches(" |");
        let query = parts.next().unwrap_or_default();
        let query = query.replace("\\n", "\n").replace("^G", "\u{7}");
        let query = if message.contains("quoted name") {
            query.replace('\n', "\\n")
        } else {
            query
        };
        count += 1;
        match parse(&query) {
            Ok(ast) => wrong.push(format!("{query:?} is {ast}, not {message}")),
            Err(error) => {
                let found = format!("{}:{}", error.line, error.column);
                let offset = query.get(..error.offset).map(|before| before.lines().count());
                assert!(offset.is_some(), "{query:?}: {} is no place in it", error.offset);
                if found != place || !error.message.contains(message) {
                    wrong.push(format!(
                        "{query:?}: {found} {}, not {place} {message}",
                        error.message
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 100, "{count}");
}

/// Scenario: queries at and beyond the limits. Guarantee: beyond is refused, by words, not by a full stack.
#[test]
fn limits() {
    let nested = |depth: usize| format!("{{ {}.a = 1{} }}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(60)).is_ok());
    let error = parse(&nested(65)).unwrap_err();
    assert!(error.message.contains("at most 64 levels of nesting"), "{error}");
    for deep in [
        nested(10_000),
        format!("{{ {}.a }}", "!".repeat(30_000)),
        format!("{{ {}.a = 1 }}", "- ".repeat(30_000)),
        format!("{{ .a = {}1 }}", "2 ^ ".repeat(10_000)),
        "(".repeat(60_000),
        format!("{}{{}}", "({} && ".repeat(5_000)),
        format!("{{}} | {}1 > 2", "(".repeat(60_000)),
    ] {
        assert!(parse(&deep).is_err());
    }
    let chain = |count: usize| format!("{{ {}.a = 1 }}", ".a = 1 && ".repeat(count));
    assert!(parse(&chain(500)).is_ok());
    assert!(
        parse(&chain(600))
            .unwrap_err()
            .message
            .contains("at most 512 operators")
    );
    let sets = |count: usize| format!("{}{{}}", "{} || ".repeat(count));
    assert!(parse(&sets(500)).is_ok());
    assert!(parse(&sets(600)).is_err());
    let stages = |count: usize| format!("{{}}{}", " | {}".repeat(count));
    assert!(parse(&stages(63)).is_ok());
    assert!(parse(&stages(64)).is_err());
    let long = format!("{{ .a = \"{}\" }}", "x".repeat(70_000));
    assert!(parse(&long).unwrap_err().message.contains("at most 65536 bytes"));
}
