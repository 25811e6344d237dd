//! The statements of `docs/export.md`, asked of a real export and real static tables.

use std::path::Path;

use serde_json::{Value, json};
use tables::rows::Function;
use tables::{Folder, Word};

use crate::duckdb;

/// The statements for DuckDB, in the page's order, with the page's folders replaced.
fn statements(lake: &Path, tables: &Path) -> Vec<String> {
    let page = include_str!("../../../docs/export.md");
    let blocks = page.split("```sql\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let placed = |block: &str| {
        let lake = block.replace("/data/lake", &lake.display().to_string());
        lake.replace("/data/tables", &tables.display().to_string())
    };
    blocks
        .filter(|block| !block.contains("s3("))
        .map(placed)
        .collect()
}

/// Static tables with one function, which the events of the tests ran.
fn tables_of_a_version(path: &Path) {
    let mut folder = Folder::create(path).unwrap();
    let function = Function {
        version: Word("v"),
        function_id: 1,
        module_id: Some(1),
        module: Some(Word("Shop.Stock")),
        function: Word("reserve/2"),
        name: Some("reserve"),
        arity: 2,
        defaults: 0,
        word: Some(Word("def")),
        is_private: Some(false),
        is_callback: Some(false),
        is_damaged: Some(false),
        syntax_id: None,
        file: Some(Word("lib/stock.ex")),
        line: Some(10),
        end_line: Some(20),
        entity: None,
        content_id: None,
        alpha_id: None,
    };
    folder.add(&function).unwrap();
    folder.finish().unwrap();
}

/// What each statement answers.
pub(crate) fn answers(lake: &Path, data: &Path) -> Vec<Vec<Vec<Value>>> {
    let tables = data.join("tables");
    tables_of_a_version(&tables);
    duckdb::ask(&statements(lake, &tables))
}

/// The one function of the tables, called so often.
pub(crate) fn called(calls: usize) -> Vec<Vec<Value>> {
    vec![vec![
        json!("Shop.Stock"),
        json!("reserve"),
        json!(2),
        json!(calls),
    ]]
}
