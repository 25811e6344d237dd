//! What runs after what, which value goes where, who calls whom.

use crate::cell::{Id, Word};
use crate::describe::rows;

rows! {
    /// An edge of a function's control flow (`flow.md`). Steps are numbered in their function; closures are graphs of
    /// their own among the steps of the function.
    CfgEdge "cfg_edge" key ["version", "function_id", "from_step", "to_step", "kind"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// Its function.
        function_id: i64, of "function.function_id";
        /// The step before.
        from_step: i32, in "steps, from 0";
        /// The step after.
        to_step: i32, in "steps, from 0";
        /// What the edge means: `next`, `true`, `false`, `match`, `no_match`, `exception`, `after`, `each`, `done`, `return`.
        kind: Word<'a>;
        /// An error that is not written down (no clause matched) and that leaves the function.
        is_implicit: bool;
        /// Whether the step before can run.
        is_reachable: bool;
        /// What the step before does: `entry`, `return`, `raise`, `compute`, `stop`, `head`, `guard`, `branch`, `generator`,
        /// `wait`, `dispatch`, `join`, `unwind`.
        from_kind: Word<'a>;
        /// What the step after does.
        to_kind: Word<'a>;
        /// The syntax that the step before runs; empty of `entry`, `return`, `raise`.
        from_pre: Option<i64>, of "ast_node.pre";
        /// The syntax that the step after runs.
        to_pre: Option<i64>, of "ast_node.pre";
        /// The `fn` or `&` whose body this is; empty in the function itself.
        closure: Option<i64>, of "ast_node.pre";
    }

    /// A variable: a name in one clause, or in one closure that binds it. Elixir's variables never change: `x = 1; x = 2`
    /// binds a name twice, and `defs` counts that. A binding in an arm of `case` or `if` counts too, though it does not
    /// leave the arm. The same name in two clauses is two variables.
    DfgVar "dfg_var" key ["version", "var"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// Its number in this version.
        var: i64;
        /// Its function.
        function_id: i64, of "function.function_id";
        /// Its clause.
        clause_id: Option<i64>, of "clause.clause_id";
        /// The `fn` or `&` that binds it; empty if the clause itself does.
        closure: Option<i64>, of "ast_node.pre";
        /// Its name.
        name: &'a str;
        /// How often it is bound.
        defs: i64, in "bindings";
        /// How often this name is bound in the whole function: all clauses and closures.
        function_defs: i64, in "bindings";
        /// How often it is read.
        uses: i64, in "readings";
        /// The line of its first binding.
        line: i32, in "line, from 1";
        /// The node of its first binding.
        pre: i64, of "ast_node.pre";
        /// That node's id.
        nid: Option<Id<'a>>, of "ast_node.nid";
    }

    /// A reading of a variable.
    DfgUse "dfg_use" key ["version", "pre"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// The node that reads.
        nid: Option<Id<'a>>, of "ast_node.nid";
        /// Its place.
        pre: i64, of "ast_node.pre";
        /// Its function.
        function_id: i64, of "function.function_id";
        /// What is read; empty if nothing binds it here (a macro's variable, a call without parentheses).
        var: Option<i64>, of "dfg_var.var";
        /// The name.
        name: &'a str;
        /// What the value is used as: `subject` (of a `case`), `argument`, `condition`, ...; the list is below.
        role: Word<'a>;
        /// Which of the variable's bindings is read. Where arms come together the construct is the value, so it is one.
        def: Option<i32>, in "bindings, from 0";
        /// The node of that binding.
        def_pre: Option<i64>, of "ast_node.pre";
        /// That node's id.
        def_nid: Option<Id<'a>>, of "ast_node.nid";
        /// Whether a closure reads what was bound outside of it.
        is_captured: bool;
        /// Its line.
        line: i32, in "line, from 1";
    }

    /// A place from which code reaches code: a call, a capture, a message, a process that is started (`calls.md`). Calls of
    /// `Kernel`, and those whose module is known only when they run, are not here.
    Call "call" key ["version", "call_id"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// Its number in this version.
        call_id: i64;
        /// The caller's module.
        from_module_id: Option<i64>, of "module.module_id";
        /// The caller; empty if it is a module's body.
        from_function_id: Option<i64>, of "function.function_id";
        /// The caller's module's name.
        from_module: Word<'a>;
        /// The caller's name; empty of a module's body.
        from_name: Option<&'a str>;
        /// The caller's parameters.
        from_arity: Option<i32>, in "parameters";
        /// The called module, if it is of the project.
        to_module_id: Option<i64>, of "module.module_id";
        /// The called function; empty if a module is started as a process.
        to_function_id: Option<i64>, of "function.function_id";
        /// The called module's name.
        to_module: Word<'a>;
        /// The called function's name.
        to_name: Option<&'a str>;
        /// Its parameters, those with defaults included.
        to_arity: Option<i32>, in "parameters";
        /// The caller's file.
        file: Word<'a>;
        /// The line of the call.
        line: i32, in "line, from 1";
        /// What the edge says: `calls`, `references`, `expands`, `delegates`, `sends`, `spawns`, `supervises`.
        kind: Word<'a>;
        /// How it is written: `local`, `imported`, `remote`, `captured`, `call`, `cast`, `info`, `child`, ...
        how: Word<'a>;
        /// Of a message: the line of the clause that handles it, in the called function's file.
        handler_line: Option<i32>, in "line, from 1";
        /// Where it was read: `source`, `expansion`, `inferred`, `observed`.
        provenance: Word<'a>;
        /// How far it can be trusted: `certain`, `likely`, `possible`, `guess`.
        confidence: Word<'a>;
    }
}
