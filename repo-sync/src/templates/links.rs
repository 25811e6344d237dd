//! Which module a template becomes part of.

use codegraph::quoted::{Kind, NodeId, Quoted};

use super::TemplateFormat;

/// Why a template belongs to a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// `embed_templates "pages/*"` in the module; the path is relative to its file.
    EmbedTemplates,
    /// `EEx.function_from_file(:def, :name, "path")`; the path is relative to the project.
    FunctionFromFile,
    /// `foo_live.html.heex` beside `foo_live.ex`.
    SameName,
    /// `templates/foo/x.html.eex` beside `views/foo_view.ex`.
    View,
}

/// A template and its module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Path of the template.
    pub template: String,
    /// The module, as written: without `Elixir.`.
    pub module: String,
    /// Path of the module's file.
    pub file: String,
    /// Why.
    pub reason: Reason,
}

/// The links between templates and the modules of source files, ascending; paths are relative to the project's root. A
/// template that no module names, or whose path is computed, has none.
#[must_use]
pub fn links(templates: &[String], sources: &[(String, Quoted)]) -> Vec<Link> {
    let mut found = Vec::new();
    for (file, quoted) in sources {
        let modules = modules(quoted);
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        for index in 0..quoted.nodes().len() {
            let id = NodeId::new(index);
            let Some((reason, path)) = embedding(quoted, id) else {
                continue;
            };
            let Some(module) = modules
                .iter()
                .filter(|(at, _)| quoted.contains(*at, id))
                .map(|(_, name)| name)
                .next()
            else {
                continue;
            };
            let pattern = match reason {
                Reason::EmbedTemplates => resolve(folder, path),
                _ => resolve("", path),
            };
            for template in templates
                .iter()
                .filter(|template| matches(template, &pattern, reason))
            {
                found.push(Link {
                    template: template.clone(),
                    module: module.clone(),
                    file: file.clone(),
                    reason,
                });
            }
        }
        // The outermost module comes last: it is the file's.
        if let Some((_, module)) = modules.last() {
            for template in templates {
                if let Some(reason) = by_name(template, file) {
                    found.push(Link {
                        template: template.clone(),
                        module: module.clone(),
                        file: file.clone(),
                        reason,
                    });
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Modules by the node that defines them, inner ones before outer ones; names are full.
fn modules(quoted: &Quoted) -> Vec<(NodeId, String)> {
    let mut found: Vec<(NodeId, String)> = Vec::new();
    for index in 0..quoted.nodes().len() {
        let id = NodeId::new(index);
        if !quoted.is_call(id, "defmodule", 2) {
            continue;
        }
        let Some(name) = quoted
            .kid(id, 0)
            .filter(|name| quoted.text(*name) == "__aliases__")
        else {
            continue;
        };
        let parts: Vec<&str> = quoted.kids(name).iter().map(|part| quoted.text(*part)).collect();
        let name = parts.join(".");
        for (inner, inner_name) in &mut found {
            if quoted.contains(id, *inner) {
                *inner_name = format!("{name}.{inner_name}");
            }
        }
        found.push((id, name));
    }
    found
}

/// The path that a call embeds, if it is written out.
fn embedding(quoted: &Quoted, id: NodeId) -> Option<(Reason, &str)> {
    let string = |id: Option<&NodeId>| {
        id.filter(|id| quoted.node(**id).kind == Kind::String)
            .map(|id| quoted.text(*id))
    };
    if quoted.node(id).kind == Kind::Call && quoted.text(id) == "embed_templates" {
        return Some((Reason::EmbedTemplates, string(quoted.kids(id).first())?));
    }
    let (module, name, arguments) = quoted.remote_call(id)?;
    let is_eex =
        name == "function_from_file" && quoted.kids(module).iter().any(|part| quoted.text(*part) == "EEx");
    is_eex
        .then(|| Some((Reason::FunctionFromFile, string(arguments.get(2))?)))
        .flatten()
}

/// A path with its `.` and `..` taken away.
fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn matches(template: &str, pattern: &str, reason: Reason) -> bool {
    if reason == Reason::FunctionFromFile {
        return template == pattern || template.ends_with(&format!("/{pattern}"));
    }
    // `embed_templates` matches names without their ends: `pages/*` and `pages/home` both mean `pages/home.html.heex`.
    let (folder, name) = template.rsplit_once('/').unwrap_or(("", template));
    let (wanted, glob) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let stem = name.split('.').next().unwrap_or_default();
    let fits = match glob.split_once('*') {
        Some((before, after)) => [stem, name].iter().any(|it| {
            it.len() >= before.len() + after.len() && it.starts_with(before) && it.ends_with(after)
        }),
        None => glob == stem || glob == name,
    };
    fits && (folder == wanted
        || wanted
            .strip_suffix("/**")
            .is_some_and(|above| folder.starts_with(above)))
}

fn by_name(template: &str, file: &str) -> Option<Reason> {
    TemplateFormat::of(template)?;
    let (folder, name) = template.rsplit_once('/')?;
    let (file_folder, file_name) = file.rsplit_once('/')?;
    let stem = file_name.strip_suffix(".ex")?;
    if folder == file_folder && name.split('.').next() == Some(stem) {
        return Some(Reason::SameName);
    }
    let (base, view) = (file_folder.strip_suffix("/views")?, stem.strip_suffix("_view")?);
    (folder == format!("{base}/templates/{view}")).then_some(Reason::View)
}
