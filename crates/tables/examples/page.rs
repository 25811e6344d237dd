//! Prints the part of `docs/code-graph/tables.md` that is made from the tables' description; with `recorded` that of `docs/export.md`.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

fn main() {
    let page = if std::env::args().nth(1).as_deref() == Some("recorded") {
        tables::recorded::recorded_page()
    } else {
        tables::page()
    };
    print!("{page}");
}
