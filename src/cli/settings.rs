//! Fills in what flags and variables leave open: the description, and the settings of the `dayfly.toml` beside it.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::parser::ValueSource;

use super::ci::in_ci;
use super::error::usage_error;
use super::origin::{Origin, Origins, Sources};
use super::wanted::{Place, Slot, Wanted};
use super::{Common, EngineChoice, Output, description, process_env};
use crate::settings::{Entry, KEYS, Settings};
use crate::spec::file_of;

mod nearest;

/// Fills in the description and the settings. Errors are printed and end with exit code 2.
pub fn apply(common: &mut Common, wanted: Option<Wanted<'_>>, sources: &Sources) -> anyhow::Result<Origins> {
    let json = common.output == Output::Json;
    let Some(mut wanted) = wanted else { return Ok(Origins::new()) };
    let mut origins = Origins::new();
    let folder = folder(&mut wanted.place, &mut origins)?;
    let settings = folder.map(|f| description::printed(Settings::load(&f), json)).transpose()?.flatten();
    let variables = process_env::variables();
    let is_job = in_ci(&variables);
    let variable = |name: &str| KEYS.iter().find(|k| k.name == name)?.variable;
    let given = |name: &str| match (sources.get(name), variable(name)) {
        (Some(ValueSource::EnvVariable), Some(variable)) => Origin::Variable(variable),
        _ => Origin::Flag,
    };
    let usable = |name: &str| settings.as_ref()?.get(name).filter(|e| e.key.in_ci || !is_job);
    let from = |entry: &Entry| Origin::File(settings.as_ref().map(|s| s.path.clone()).unwrap_or_default(), entry.line);
    let mut taken: Vec<&'static str> = vec![];
    for (name, slot) in wanted.slots {
        let is_given = match &slot {
            Slot::Text(value) => value.is_some(),
            Slot::Path(value) => value.is_some(),
        };
        if is_given {
            origins.insert(name, given(name));
        } else if let (Some(entry), Some(settings)) = (usable(name), &settings) {
            match slot {
                Slot::Text(value) if name == "suites-from" && entry.value.starts_with('.') => {
                    *value = Some(absolute(settings, entry)?);
                }
                Slot::Text(value) => *value = Some(entry.value.clone()),
                Slot::Path(value) => *value = Some(settings.resolve(&entry.value)),
            }
            origins.insert(name, from(entry));
            taken.push(name);
        }
    }
    taken.extend(apply_common(common, &usable, &given, &from, &mut origins));
    if let Some(settings) = &settings {
        if is_job {
            warn_of_ignored(settings);
        } else if wanted.starts && !taken.is_empty() && !json {
            errln!("note: {} sets {}", settings.path.display(), taken.join(", "));
        }
    }
    Ok(origins)
}

/// The target of the commands: a flag for one of engine and context leaves the other to the flags, too.
fn apply_common<'s>(
    common: &mut Common,
    usable: &dyn Fn(&str) -> Option<&'s Entry>,
    given: &dyn Fn(&str) -> Origin,
    from: &dyn Fn(&Entry) -> Origin,
    origins: &mut Origins,
) -> Vec<&'static str> {
    let mut taken = vec![];
    let is_open = common.engine.is_empty() && common.context.is_empty();
    for (name, is_given) in [
        ("engine", !common.engine.is_empty()),
        ("context", !common.context.is_empty()),
        ("registry-mirror", common.registry_mirror.is_some()),
    ] {
        let entry = usable(name).filter(|_| is_open || name == "registry-mirror");
        if is_given {
            origins.insert(name, given(name));
        } else if let Some(entry) = entry {
            match name {
                "engine" => common.engine.extend(EngineChoice::from_str(&entry.value, false)),
                "context" => common.context.push(entry.value.clone()),
                _ => common.registry_mirror = Some(entry.value.clone()),
            }
            origins.insert(name, from(entry));
            taken.push(name);
        }
    }
    taken
}

/// Says which settings a CI job does not take from the file.
fn warn_of_ignored(settings: &Settings) {
    for entry in settings.entries().filter(|e| !e.key.in_ci) {
        let name = entry.key.name;
        let instead = entry.key.variable.map_or(format!("--{name}"), |v| format!("--{name} or {v}"));
        errln!(
            "warning: {}:{}: `{name}` is ignored in a CI job, because the author of the change controls this file; set {instead} in the job",
            settings.path.display(),
            entry.line
        );
    }
}

/// A folder beside the file. Never another one, or none: the suites of the change would judge it.
fn absolute(settings: &Settings, entry: &Entry) -> anyhow::Result<String> {
    let refused =
        |why: &str| usage_error(&format!("{}:{}: `{}` {why}", settings.path.display(), entry.line, entry.key.name));
    let folder = std::env::current_dir().map_err(|e| refused(&format!("needs the working folder: {e}")))?;
    let path = folder.join(settings.resolve(&entry.value)).into_os_string().into_string();
    Ok(path.map_err(|_| refused("leads to a path that is not UTF-8: rename its folders, or give --suites-from"))?)
}

/// The folder of the description, which is filled in.
fn folder(place: &mut Place<'_>, origins: &mut Origins) -> anyhow::Result<Option<PathBuf>> {
    let parent = |file: &Path| file.parent().map(Path::to_owned);
    match place {
        Place::Needed(file) if file.as_os_str().is_empty() => {
            let Some(found) = nearest::description() else {
                let why = "there is no environment.yaml in this folder, or above it in this repository; name a description, or write one with: dayfly init";
                return Err(usage_error(why).into());
            };
            **file = found;
            origins.insert("description", Origin::Default("the nearest environment.yaml"));
            Ok(parent(file))
        }
        Place::Needed(file) => {
            origins.insert("description", Origin::Flag);
            Ok(parent(&file_of(file)))
        }
        Place::Named(file) if file.exists() => Ok(parent(&file_of(file))),
        Place::Named(_) | Place::Nearest => Ok(nearest::description().as_deref().and_then(parent)),
    }
}
