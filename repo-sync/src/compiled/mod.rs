//! A build of a project (`_build`): its compiled modules, and what its dependencies' modules export. Modules that are
//! stripped, damaged or Erlang's are told apart, never an error of the whole.
//!
//! [`Compiled::of`] reads a build; [`standing()`] says whether a module is of the source as it lies there;
//! `codegraph::compiled::merge` says what it adds to it.

mod extract;
mod find;
mod standing;
mod text;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use codegraph::compiled::{CompiledModule, Exported, decode, encode};
use codegraph::link::{Exports, Interface};
use codegraph::records::{Change, Family, Records};

pub use extract::record;
pub use standing::{SourceFunction, SourceModule, Standing, standing};
pub use text::{ExpandedText, expanded_text};

use crate::beam::{BEAM_BYTES_MAX, Beam, BeamFault, DebugInfo, Expanded, ModuleVersion};

/// Which build is read, and how.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    /// A `_build`, one environment of it, or a folder of `.beam` files; `None`: the project's `_build`.
    pub path: Option<PathBuf>,
    /// Threads that read; 0: as many as the machine has processors.
    pub threads: usize,
}

/// Why there is no build to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBuild {
    /// No compiled module is there.
    #[error("no compiled modules in {}: expected _build/<env>/lib/<app>/ebin/*.beam, which `mix compile` writes", .0.display())]
    None(PathBuf),
    /// There are builds, but not of this project.
    #[error("{} has no build of this project ({}): it has {}", .path.display(), .wanted.join(", "), .found.join(", "))]
    Other {
        /// Where was looked.
        path: PathBuf,
        /// The applications of the project.
        wanted: Vec<String>,
        /// The applications that are there.
        found: Vec<String>,
    },
}

/// A compiled module of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltModule {
    /// Its version: the key of its record.
    pub version: ModuleVersion,
    /// What it says.
    pub record: CompiledModule,
    /// Its application.
    pub app: String,
    /// Its file.
    pub path: PathBuf,
    /// When that was written.
    pub written: SystemTime,
}

/// A module of a dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryModule {
    /// As the VM names it.
    pub name: String,
    /// Its application.
    pub app: String,
    /// What it exports, ascending.
    pub exports: Vec<Exported>,
}

/// A file that cannot be read as wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", .path.display())]
pub struct BuiltFault {
    /// Which.
    pub path: PathBuf,
    /// What is wrong, in words.
    pub why: String,
}

/// One build of a project.
#[derive(Clone, Debug)]
pub struct Compiled {
    folder: PathBuf,
    modules: Vec<BuiltModule>,
    libraries: Vec<LibraryModule>,
    faults: Vec<BuiltFault>,
}

impl Compiled {
    /// Reads a project's newest build. Records of modules that `records` has are not made again; new ones are kept there.
    pub fn of(root: &Path, options: &BuildOptions, records: &dyn Records) -> Result<Self, NoBuild> {
        let path = options.path.clone().unwrap_or_else(|| root.join("_build"));
        let mut folders = find::folders(&path);
        if folders.is_empty() {
            return Err(NoBuild::None(path));
        }
        let mut own = find::own_apps(root);
        let is_own = |own: &[String], app: &find::App| own.is_empty() || own.contains(&app.name);
        let found: Vec<String> = folders
            .iter()
            .flat_map(|folder| folder.apps.iter().map(|app| app.name.clone()))
            .collect();
        if let ([folder], Some(_)) = (folders.as_slice(), &options.path)
            && folder.apps.len() == 1
        {
            // A folder of modules that someone names is meant, whatever its name.
            own.clear();
        }
        folders.retain(|folder| folder.apps.iter().any(|app| is_own(&own, app)));
        let newest = folders.into_iter().max_by_key(|folder| {
            let apps = folder.apps.iter().filter(|app| is_own(&own, app));
            find::newest(apps.flat_map(|app| &app.beams))
        });
        let Some(folder) = newest else {
            return Err(NoBuild::Other {
                path,
                wanted: own,
                found: distinct(found),
            });
        };
        let files: Vec<(&Path, &str, bool)> = folder
            .apps
            .iter()
            .flat_map(|app| {
                let own = is_own(&own, app);
                app.beams
                    .iter()
                    .map(move |beam| (beam.as_path(), app.name.as_str(), own))
            })
            .collect();
        let mut compiled = Self {
            folder: folder.path.clone(),
            modules: Vec::new(),
            libraries: Vec::new(),
            faults: Vec::new(),
        };
        let mut new = Vec::new();
        for looked in in_parallel(options.threads, &files, |file| look(*file, records)) {
            match looked {
                Looked::Own(module, is_new) => {
                    if is_new {
                        let key = module.version.0.to_vec();
                        new.push(Change::Put(Family::Compiled, key, encode(&module.record)));
                    }
                    compiled.modules.push(*module);
                }
                Looked::Library(module) => compiled.libraries.push(module),
                Looked::Fault(fault) => compiled.faults.push(fault),
            }
        }
        if records.is_writable() && !new.is_empty() {
            // Without room for them they are made again the next time.
            let _ = records.write(new);
        }
        compiled.modules.sort_by(|a, b| a.record.name.cmp(&b.record.name));
        compiled.libraries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(compiled)
    }

    /// The environment's folder: `_build/dev`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The project's own modules, by name.
    #[must_use]
    pub fn modules(&self) -> &[BuiltModule] {
        &self.modules
    }

    /// A module of the project.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<&BuiltModule> {
        let at = self
            .modules
            .binary_search_by(|module| module.record.name.as_str().cmp(name));
        self.modules.get(at.ok()?)
    }

    /// The modules of dependencies, by name.
    #[must_use]
    pub fn libraries(&self) -> &[LibraryModule] {
        &self.libraries
    }

    /// What its modules export, as far as sources do not say it: dependencies' functions and macros, and what macros made
    /// in the project's own modules.
    #[must_use]
    pub fn exports(&self) -> Exports {
        let mut exports = Exports::new();
        let libraries = Interface::of_exports(self.libraries.iter().map(|library| {
            let exports = library.exports.iter();
            let exports = exports.map(|export| (export.name.as_str(), export.arity, export.is_macro));
            (library.name.as_str(), exports.collect())
        }));
        exports.put(&"<dependencies>".into(), &libraries);
        let made = Interface::of_exports(self.modules.iter().map(|module| {
            let made = module.record.made_exports();
            (module.record.name.as_str(), made.collect())
        }));
        exports.put(&"<macros>".into(), &made);
        exports
    }

    /// Whether a dependency exports this as a macro.
    #[must_use]
    pub fn is_macro(&self, module: &str, name: &str, arity: u8) -> bool {
        let at = self
            .libraries
            .binary_search_by(|known| known.name.as_str().cmp(module));
        let library = at.ok().and_then(|at| self.libraries.get(at));
        library.is_some_and(|library| {
            let mut exports = library.exports.iter();
            exports.any(|export| export.is_macro && export.name == name && export.arity == arity)
        })
    }

    /// Files that are no modules, by path.
    #[must_use]
    pub fn faults(&self) -> &[BuiltFault] {
        &self.faults
    }
}

/// A module's definitions after expansion, read again.
pub fn expanded(path: &Path) -> Result<Box<Expanded>, BuiltFault> {
    let fault = |why: String| BuiltFault {
        path: path.to_owned(),
        why,
    };
    let bytes = read(path).map_err(&fault)?;
    let info = Beam::read(&bytes).and_then(|beam| beam.debug_info());
    match info.map_err(|why| fault(why.to_string()))? {
        DebugInfo::Elixir(expanded) => Ok(expanded),
        DebugInfo::Erlang(_) => Err(fault("it is an Erlang module".into())),
        DebugInfo::Stripped => Err(fault("it is stripped: it has no debug info".into())),
        DebugInfo::Withheld(why) => Err(fault(why)),
    }
}

enum Looked {
    Own(Box<BuiltModule>, bool),
    Library(LibraryModule),
    Fault(BuiltFault),
}

/// The bytes of a file that is no larger than a module may be.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let found = std::fs::metadata(path).map_err(|fault| fault.to_string())?;
    if !found.is_file() || found.len() > BEAM_BYTES_MAX as u64 {
        return Err(BeamFault::TooLarge.to_string());
    }
    std::fs::read(path).map_err(|fault| fault.to_string())
}

fn look((path, app, is_own): (&Path, &str, bool), records: &dyn Records) -> Looked {
    let fault = |why: String| {
        Looked::Fault(BuiltFault {
            path: path.to_owned(),
            why,
        })
    };
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(why) => return fault(why),
    };
    let looked = Beam::read(&bytes).and_then(|beam| {
        if !is_own {
            let names = beam.names()?;
            return Ok(Looked::Library(LibraryModule {
                exports: extract::exports(&names.exports),
                name: names.module,
                app: app.to_owned(),
            }));
        }
        let version = beam.version()?;
        let kept = records.one(Family::Compiled, &version.0).ok().flatten();
        let kept = kept.and_then(|bytes| decode(&bytes).ok());
        let (record, is_new) = match kept {
            Some(record) => (record, false),
            None => (record(&beam)?, true),
        };
        let module = BuiltModule {
            version,
            record,
            app: app.to_owned(),
            path: path.to_owned(),
            written: find::written(path),
        };
        Ok(Looked::Own(Box::new(module), is_new))
    });
    looked.unwrap_or_else(|why| fault(why.to_string()))
}

fn distinct(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

/// What `look` finds of each item, in their order.
fn in_parallel<T: Sync, R: Send>(threads: usize, items: &[T], look: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
    let work = || {
        let mut mine = Vec::new();
        while let Some((at, item)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            items.get(at).map(|item| (at, item))
        } {
            mine.push((at, look(item)));
        }
        done.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .append(&mut mine);
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(work);
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, found)| found).collect()
}
