//! What the source defines, and its syntax.

use crate::cell::{Id, Word};
use crate::describe::rows;

rows! {
    /// A module, protocol or implementation. `defimpl ..., for: [A, B]` is two, which share their syntax.
    Module "module" key ["version", "module_id"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// Its number in this version.
        module_id: i64;
        /// Its name as the source has it: `Shop.Stock`, `:shop`; `<computed>` if it is made when it is compiled.
        module: Word<'a>;
        /// Its entity id, 32 hexadecimal digits.
        entity: Option<&'a str>, of "entity.entity";
        /// Its file, relative to the project, with `/`.
        file: Word<'a>;
        /// Its first line.
        line: i32, in "line, from 1";
        /// Its last line.
        end_line: i32, in "line, from 1";
        /// The word that defines it: `defmodule`, `defprotocol`, `defimpl`.
        word: Word<'a>;
        /// What it is, by comma: `GenServer,Supervisor`; empty if nothing is known.
        kinds: &'a str;
        /// Behaviours that it names or uses, by comma.
        behaviours: &'a str;
        /// The module around it.
        parent_id: Option<i64>, of "module.module_id";
        /// The node of the whole definition.
        pre: i64, of "ast_node.pre";
        /// That node's id.
        nid: Option<Id<'a>>, of "ast_node.nid";
        /// What it says, without layout and comments: 32 hexadecimal digits. Equal code, equal id, in all versions.
        content_id: &'a str;
        /// The same without the names of locals, functions and the module.
        alpha_id: &'a str;
    }

    /// A function, macro, guard or delegate: all clauses of one name and arity in one module. Also those outside of the
    /// project that it calls: they have no file.
    Function "function" key ["version", "function_id"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// Its number in this version.
        function_id: i64;
        /// Its module; empty outside of the project, and of a function outside of all modules.
        module_id: Option<i64>, of "module.module_id";
        /// Its module's name: `Shop.Stock`; empty outside of all modules.
        module: Option<Word<'a>>;
        /// Name and arity: `reserve/2`; a computed name is `?`.
        function: Word<'a>;
        /// Its name; empty if it is computed (`def unquote(name)(x)`).
        name: Option<&'a str>;
        /// Parameters, those with defaults included.
        arity: i32, in "parameters";
        /// Parameters that have defaults.
        defaults: i32, in "parameters";
        /// The word that defines it: `def`, `defp`, `defmacro`, ...; empty outside of the project.
        word: Option<Word<'a>>;
        /// Whether only its module can call it; empty outside of the project.
        is_private: Option<bool>;
        /// Whether a behaviour, a protocol or a library calls it; empty outside of the project.
        is_callback: Option<bool>;
        /// Whether a syntax error is inside: what is known of it may be wrong; empty outside of the project.
        is_damaged: Option<bool>;
        /// The function whose rows in `clause`, `ast_node`, `cfg_edge`, `dfg_var` and `dfg_use` are its own: itself, or the
        /// first of those that share one syntax (`defimpl ..., for: [A, B]`); empty outside of the project.
        syntax_id: Option<i64>, of "function.function_id";
        /// Its file; empty outside of the project.
        file: Option<Word<'a>>;
        /// The first line of its first clause.
        line: Option<i32>, in "line, from 1";
        /// The last line of its last clause.
        end_line: Option<i32>, in "line, from 1";
        /// Its entity id, 32 hexadecimal digits; empty outside of the project.
        entity: Option<&'a str>, of "entity.entity";
        /// What it says, without layout and comments: 32 hexadecimal digits; empty outside of the project.
        content_id: Option<&'a str>;
        /// The same without the names of locals and of the function.
        alpha_id: Option<&'a str>;
    }

    /// A clause of a function.
    Clause "clause" key ["version", "clause_id"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// Its number in this version.
        clause_id: i64;
        /// Its function.
        function_id: i64, of "function.function_id";
        /// Its place among the function's clauses, as the compiler counts; empty of a head without a body.
        place: Option<i32>, in "clauses, from 0";
        /// Its entity id, 32 hexadecimal digits.
        entity: Option<&'a str>, of "entity.entity";
        /// Its file.
        file: Word<'a>;
        /// Its first line.
        line: i32, in "line, from 1";
        /// Its last line.
        end_line: i32, in "line, from 1";
        /// Name, parameters, guard, as written; cut after 200 bytes.
        head: &'a str;
        /// The node of the whole definition.
        pre: i64, of "ast_node.pre";
        /// That node's id.
        nid: Option<Id<'a>>, of "ast_node.nid";
        /// The node of the guard.
        guard: Option<i64>, of "ast_node.pre";
        /// The node of the body.
        body: Option<i64>, of "ast_node.pre";
        /// Whether a syntax error is inside.
        is_damaged: bool;
        /// What it says, without layout and comments: 32 hexadecimal digits.
        content_id: &'a str;
        /// The same without the names of locals and of the function.
        alpha_id: &'a str;
    }

    /// A node of the syntax tree, in Elixir's quoted form. Nested sets: the nodes below a node `c`, itself included, are
    /// those with `pre BETWEEN c.pre AND c.post`; files and functions need not be compared.
    AstNode "ast_node" key ["version", "pre"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// Its id: entity and number, `32 hexadecimal digits:number`. One node has it in a version, and keeps it through
        /// edits, renames and moves.
        nid: Option<Id<'a>>;
        /// Its place in pre-order, through all files by path: a parent comes before its children.
        pre: i64, in "nodes, from 0";
        /// The place of the last node below it; its own if it has no children.
        post: i64, in "nodes, from 0";
        /// The node that it is a child of; empty of a file's root.
        parent: Option<i64>, of "ast_node.pre";
        /// The function around it.
        function_id: Option<i64>, of "function.function_id";
        /// The clause around it.
        clause_id: Option<i64>, of "clause.clause_id";
        /// The module around it.
        module_id: Option<i64>, of "module.module_id";
        /// That module's name: `Shop.Stock`.
        module: Option<Word<'a>>;
        /// Name and arity of the function around it: `reserve/2`.
        function: Option<Word<'a>>;
        /// Its file.
        file: Word<'a>;
        /// What it is; the list is below.
        kind: Word<'a>;
        /// Its name or literal: of a variable and a call the name, of an atom, a number and a string the value. Cut after
        /// 200 bytes; empty where the form has none.
        text: Option<&'a str>;
        /// Of `case`: the id of the node that it looks at, also if that is piped into it.
        subject: Option<Id<'a>>, of "ast_node.nid";
        /// The line of the token that Elixir names it by; else of its first byte.
        line: i32, in "line, from 1";
        /// That token's column as Elixir counts; empty where Elixir has none.
        column: Option<i32>, in "grapheme clusters, from 1";
        /// Its first byte in the file.
        start_byte: i32, in "bytes, from 0";
        /// The byte after its last.
        end_byte: i32, in "bytes, from 0";
    }

    /// A parent and its child in the syntax tree.
    AstEdge "ast_edge" key ["version", "child"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// The parent.
        parent: i64, of "ast_node.pre";
        /// The child.
        child: i64, of "ast_node.pre";
        /// Its place among the children.
        place: i32, in "children, from 0";
        /// What it is to its parent; the list is below.
        role: Word<'a>;
    }
}
