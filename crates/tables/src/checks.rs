//! Statements that find what is wrong in an export: made of the tables' description, so that they say what it says. They
//! are plain SQL over tables of these names; each counts the rows that break its rule, and 0 is right.

use crate::table::{Column, Table};
use crate::words::{VOCABULARIES, Vocabulary};

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What must hold.
    pub rule: String,
    /// Counts the rows for which it does not.
    pub sql: String,
}

/// All of them: columns that may not be empty, keys, references, and nested sets.
#[must_use]
pub fn checks() -> Vec<Check> {
    let mut found = Vec::new();
    for table in Table::ALL {
        let about = table.about();
        for column in about.columns {
            if !column.nullable {
                found.push(filled(*table, column));
            }
            if let Some(of) = column.of {
                found.extend(refers(*table, column, of));
            }
        }
        let key: Vec<String> = about.key.iter().map(|column| quoted(column)).collect();
        let key = key.join(", ");
        found.push(Check {
            rule: format!("{table}: one row for each ({key})"),
            sql: format!(
                "SELECT count(*) FROM (SELECT {key} FROM {} GROUP BY {key} HAVING count(*) > 1)",
                quoted(table.name())
            ),
        });
    }
    found.extend(VOCABULARIES.iter().filter_map(listed));
    found.extend(RULES.iter().map(|(rule, sql)| Check {
        rule: (*rule).to_owned(),
        sql: (*sql).to_owned(),
    }));
    found
}

fn filled(table: Table, column: &Column) -> Check {
    Check {
        rule: format!("{table}.{}: never empty", column.name),
        sql: format!(
            "SELECT count(*) FROM {} WHERE {} IS NULL",
            quoted(table.name()),
            quoted(column.name)
        ),
    }
}

/// What a column names is there, in the same version.
fn refers(table: Table, column: &Column, of: &str) -> Option<Check> {
    let (target, named) = of.split_once('.')?;
    let name = quoted(column.name);
    let version = if target == "version" {
        ""
    } else {
        "t.version = f.version AND "
    };
    Some(Check {
        rule: format!("{table}.{}: a row of {of}", column.name),
        sql: format!(
            "SELECT count(*) FROM {} f WHERE f.{name} IS NOT NULL AND NOT EXISTS \
             (SELECT 1 FROM {} t WHERE {version}t.{} = f.{name})",
            quoted(table.name()),
            quoted(target),
            quoted(named)
        ),
    })
}

/// Every word is one of the list.
fn listed(vocabulary: &Vocabulary) -> Option<Check> {
    let (table, column) = vocabulary.column.split_once('.')?;
    let words: Vec<String> = vocabulary
        .words
        .iter()
        .map(|(word, _)| format!("'{word}'"))
        .collect();
    Some(Check {
        rule: format!("{}: a word of the list", vocabulary.column),
        sql: format!(
            "SELECT count(*) FROM {} WHERE {} NOT IN ({})",
            quoted(table),
            quoted(column),
            words.join(", ")
        ),
    })
}

/// Names like `function` and `call` are words of some engines.
fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// What no column says alone.
const RULES: &[(&str, &str)] = &[
    (
        "ast_node: a node lies within its parent",
        "SELECT count(*) FROM ast_node n JOIN ast_node p ON p.version = n.version AND p.pre = n.parent \
         WHERE NOT (p.pre < n.pre AND n.post <= p.post) OR n.file <> p.file",
    ),
    (
        "ast_node: sets nest: what begins within a set ends within it",
        "SELECT count(*) FROM (SELECT pre, post, lead(pre) OVER w AS next_pre, lead(post) OVER w AS next_post, \
         lead(parent) OVER w AS next_parent FROM ast_node WINDOW w AS (PARTITION BY version ORDER BY pre)) \
         WHERE post < pre OR (next_pre <= post AND (next_post > post OR next_parent IS DISTINCT FROM pre)) \
         OR next_pre <> pre + 1",
    ),
    (
        "ast_node: siblings lie apart, and fill their parent",
        "SELECT count(*) FROM ast_node p JOIN (SELECT version, parent, sum(post - pre + 1) AS nodes FROM ast_node \
         WHERE parent IS NOT NULL GROUP BY version, parent) k ON k.version = p.version AND k.parent = p.pre \
         WHERE k.nodes <> p.post - p.pre",
    ),
    (
        "ast_node: one node for each nid",
        "SELECT count(*) FROM (SELECT version, nid FROM ast_node WHERE nid IS NOT NULL GROUP BY version, nid \
         HAVING count(*) > 1)",
    ),
    (
        "ast_node: bytes end behind where they begin",
        "SELECT count(*) FROM ast_node WHERE start_byte < 0 OR end_byte < start_byte",
    ),
    (
        "ast_edge: exactly the nodes that have a parent, under it",
        "SELECT count(*) FROM (SELECT version, child AS pre, parent FROM ast_edge) e FULL JOIN \
         (SELECT version, pre, parent FROM ast_node WHERE parent IS NOT NULL) n \
         ON e.version = n.version AND e.pre = n.pre AND e.parent = n.parent WHERE e.pre IS NULL OR n.pre IS NULL",
    ),
    (
        "ast_edge: places are 0, 1, 2, ... in the order of pre",
        "SELECT count(*) FROM (SELECT place, row_number() OVER (PARTITION BY version, parent ORDER BY child) - 1 AS counted \
         FROM ast_edge) WHERE place <> counted",
    ),
    (
        "clause: its node is a definition of its function",
        "SELECT count(*) FROM clause c JOIN ast_node n ON n.version = c.version AND n.pre = c.pre \
         WHERE n.function_id IS DISTINCT FROM c.function_id OR n.clause_id IS DISTINCT FROM c.clause_id",
    ),
    (
        "ast_node: only a case has a subject",
        "SELECT count(*) FROM ast_node WHERE subject IS NOT NULL AND kind <> 'case'",
    ),
    (
        "cfg_edge: a step is one thing, whichever edge names it",
        "SELECT count(*) FROM (SELECT version, function_id, step FROM (SELECT version, function_id, from_step AS step, \
         from_kind AS kind, from_pre AS pre FROM cfg_edge UNION SELECT version, function_id, to_step, to_kind, to_pre \
         FROM cfg_edge) GROUP BY version, function_id, step HAVING count(*) > 1)",
    ),
    (
        "cfg_edge: its syntax is of its function",
        "SELECT count(*) FROM cfg_edge e JOIN ast_node n ON n.version = e.version AND n.pre = e.from_pre \
         WHERE n.function_id IS DISTINCT FROM e.function_id",
    ),
    (
        "dfg_use: reads a variable of its function, under its name",
        "SELECT count(*) FROM dfg_use u JOIN dfg_var v ON v.version = u.version AND v.var = u.var \
         WHERE v.function_id <> u.function_id OR v.name <> u.name OR u.def >= v.defs",
    ),
    (
        "dfg_var: counts its readings",
        "SELECT count(*) FROM dfg_var v LEFT JOIN (SELECT version, var, count(*) AS uses FROM dfg_use \
         WHERE var IS NOT NULL GROUP BY version, var) u ON u.version = v.version AND u.var = v.var \
         WHERE v.uses <> coalesce(u.uses, 0) OR v.defs < 1 OR v.function_defs < v.defs",
    ),
    (
        "dfg_use: no reading is its own binding",
        "SELECT count(*) FROM dfg_use WHERE def_pre = pre",
    ),
    (
        "call: somebody calls somebody",
        "SELECT count(*) FROM call WHERE (from_function_id IS NULL AND from_module_id IS NULL) \
         OR (to_function_id IS NULL AND to_module_id IS NULL)",
    ),
    (
        "clone: a group has two pieces or more",
        "SELECT count(*) FROM (SELECT version, clone_id FROM clone GROUP BY version, clone_id HAVING count(*) < 2)",
    ),
    (
        "entity: a function's and a module's entity is of that kind",
        "SELECT (SELECT count(*) FROM \"function\" f JOIN entity e ON e.version = f.version AND e.entity = f.entity \
         WHERE e.kind <> 'function') + (SELECT count(*) FROM \"module\" m JOIN entity e ON e.version = m.version \
         AND e.entity = m.entity WHERE e.kind <> 'module')",
    ),
];
