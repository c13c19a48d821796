//! `dayfly watch`: updates an environment whenever its description, one of its files or an image changes, and runs the suites
//! that the change concerns.
//!
//! It runs the commands that a user would type: `up`, and `test` for the suites concerned.

mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use self::state::{Mark, State};
use super::signals::Signals;
use super::target::Target;
use super::up::UpArgs;
use super::wanted::Wanted;
use super::{Common, description, request, signals, target};
use crate::engine::Engine;
use crate::engine::local::LocalEngine;
use crate::plan::Plan;
use crate::report::exit_code;
use crate::spec::{ValidDescription, file_of};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_millis(150);
/// Looks at the files for each look at the images.
const IMAGE_LOOKS: u32 = 10;
/// Time without another change before the update begins: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    up: UpArgs,
}

impl WatchArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.up.wants(wanted);
    }
}

/// Watches until it is interrupted; the environment stays. `line` is dayfly's command line.
pub async fn run(args: WatchArgs, line: &clap::Command, common: &Common) -> anyhow::Result<u8> {
    let engine = target::engine(common).await?;
    // A registry would have to be asked again and again.
    let images = match target::one(common)? {
        Target::Local => target::local(common).await?.ok(),
        Target::Kubernetes(_) => None,
    };
    let own: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut watcher = Watcher {
        program: std::env::current_exe().context("failed to find dayfly's own program")?,
        up: as_up(own, line),
        test: target::arguments(common),
        images,
        stop: signals::count()?,
        state: State::default(),
    };
    while !watcher.stop.any() {
        let Some(found) = watcher.look(&args).await else { break };
        let mut seen = found.marks.clone();
        watcher.update(found, engine.as_ref()).await?;
        // What `up` pulled is no change.
        let absent = seen.iter().filter(|(_, mark)| **mark == Mark::Image(None)).map(|(image, _)| image.clone());
        let Some(pulled) = watcher.image_marks(absent.collect()).await else { break };
        watcher.state.marks.extend(pulled.clone());
        seen.extend(pulled);
        if watcher.stop.any() {
            break;
        }
        let files = seen.values().filter(|mark| matches!(mark, Mark::File(_))).count();
        errln!("watching {files} file(s) and {} image(s); Ctrl-C ends it", seen.len() - files);
        if !watcher.changed(&seen).await {
            break;
        }
    }
    if let Some(plan) = &watcher.state.plan {
        let (environment, flags) = (&plan.environment, target::flags(common));
        errln!("{environment} is still up; remove it with: dayfly down {environment}{flags}");
    }
    Ok(exit_code::PASSED)
}

/// What there is to watch.
struct Found {
    /// The environment's name, if the description is valid.
    environment: Option<String>,
    /// By path and by image.
    marks: BTreeMap<String, Mark>,
}

struct Watcher {
    program: PathBuf,
    /// The arguments of `up`.
    up: Vec<OsString>,
    /// Those of `test`, without the environment.
    test: Vec<OsString>,
    /// Where images are looked at.
    images: Option<std::sync::Arc<LocalEngine>>,
    stop: Signals,
    state: State,
}

impl Watcher {
    /// Finds what there is to watch; returns nothing if the user stops.
    async fn look(&mut self, args: &WatchArgs) -> Option<Found> {
        let (description, change) = args.up.parts();
        let file = file_of(&description.file);
        let read = || -> Option<(ValidDescription, Plan)> {
            let (change_args, change, _) = request::change(change, &description.file, false).ok()?;
            let overrides = description::overrides(description, Some(&change_args));
            let valid = crate::spec::load(&description.file, &overrides).ok()?;
            let plan = crate::plan::build::build(&valid, change.pr).ok()?;
            Some((valid, plan))
        };
        let mut paths = BTreeSet::from([file.clone()]);
        let mut images = BTreeSet::new();
        let mut environment = None;
        match read() {
            Some((valid, plan)) => {
                let folder = file.parent().unwrap_or(Path::new(""));
                paths.extend(valid.files.keys().map(|name| folder.join(name)));
                images.extend(plan.units.iter().map(|unit| unit.image.clone()));
                environment = Some(plan.environment);
            }
            // `up` says what is wrong. It may be in any of the files.
            None => {
                for (name, mark) in &self.state.marks {
                    match mark {
                        Mark::File(_) => drop(paths.insert(name.into())),
                        Mark::Image(_) => drop(images.insert(name.clone())),
                    }
                }
            }
        }
        let file_marks = paths.iter().map(|path| (path.display().to_string(), Mark::File(mark(path))));
        let mut marks: BTreeMap<String, Mark> = file_marks.collect();
        marks.extend(self.image_marks(images).await?);
        Some(Found { environment, marks })
    }

    /// The marks of images on this machine; returns nothing if the user stops. Pulls nothing.
    async fn image_marks(&mut self, images: BTreeSet<String>) -> Option<BTreeMap<String, Mark>> {
        let Some(engine) = self.images.clone() else { return Some(BTreeMap::new()) };
        let mut marks = BTreeMap::new();
        for image in images {
            let held = tokio::select! {
                held = engine.image(&image) => held,
                () = self.stop.another() => return None,
            };
            // An engine that does not answer tells of no change.
            if let Ok(held) = held {
                marks.insert(image, Mark::Image(held.map(|fact| fact.digest)));
            }
        }
        Some(marks)
    }

    /// Updates the environment and runs the suites concerned.
    async fn update(&mut self, found: Found, engine: &dyn Engine) -> anyhow::Result<()> {
        let up = self.up.clone();
        if self.command(&up).await? != i32::from(exit_code::PASSED) {
            return Ok(());
        }
        let Some(environment) = found.environment else { return Ok(()) };
        let lease = tokio::select! {
            lease = engine.lease(&environment) => lease,
            () = self.stop.another() => return Ok(()),
        };
        let plan = match lease {
            Ok(Some(lease)) => lease.plan,
            Ok(None) => return Ok(()),
            Err(e) => {
                errln!("failed to {e}");
                return Ok(());
            }
        };
        let suites = self.state.concerned(&plan, &found.marks);
        self.state = State { plan: Some(plan), marks: found.marks };
        if suites.is_empty() {
            errln!("no suite concerns the change");
            return Ok(());
        }
        let chosen = suites.into_iter().flat_map(|suite| ["--suite".into(), OsString::from(suite)]);
        let own = ["test".into(), environment.into()];
        let arguments: Vec<OsString> = self.test.iter().cloned().chain(own).chain(chosen).collect();
        self.command(&arguments).await.map(drop)
    }

    /// Waits until a file or image differs from what was seen, and nothing changes any more; returns false if the user
    /// stops.
    async fn changed(&mut self, seen: &BTreeMap<String, Mark>) -> bool {
        let mut before = seen.clone();
        for number in 1u32.. {
            let pause = if before == *seen { LOOK } else { QUIET };
            tokio::select! {
                () = self.stop.another() => return false,
                () = tokio::time::sleep(pause) => {}
            }
            let mut now = before.clone();
            let is_file = |mark: &Mark| matches!(mark, Mark::File(_));
            for (path, found) in now.iter_mut().filter(|(_, mark)| is_file(mark)) {
                *found = Mark::File(mark(Path::new(path)));
            }
            if number % IMAGE_LOOKS == 0 {
                let images = seen.iter().filter(|(_, mark)| !is_file(mark)).map(|(image, _)| image.clone());
                match self.image_marks(images.collect()).await {
                    Some(marks) => now.extend(marks),
                    None => return false,
                }
            }
            if now == before && now != *seen {
                return true;
            }
            before = now;
        }
        true
    }

    /// Runs a command of dayfly to its end, and passes each signal on to it. Returns its exit code.
    async fn command(&mut self, arguments: &[OsString]) -> anyhow::Result<i32> {
        if self.stop.any() {
            return Ok(i32::from(exit_code::INTERRUPTED));
        }
        let mut command = Command::new(&self.program);
        // In a process group of its own: a terminal signals the whole group of this one, and the command would take that
        // for a second signal.
        command.args(arguments).stdin(Stdio::null()).process_group(0);
        let mut child = command.spawn().context("failed to run dayfly")?;
        let ended = loop {
            tokio::select! {
                ended = child.wait() => break ended,
                () = self.stop.another() => {
                    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
                        // If it has ended meanwhile, there is nothing to stop.
                        kill_process(pid, Signal::INT).ok();
                    }
                }
            }
        };
        Ok(ended.context("failed to wait for dayfly")?.code().unwrap_or(i32::from(exit_code::UNEXPECTED)))
    }
}

/// The arguments of this command as those of `up`.
fn as_up(mut own: Vec<OsString>, line: &clap::Command) -> Vec<OsString> {
    // Flags may stand before the verb, and have `watch` as their value.
    let is_verb = |at: &usize| {
        let before = std::iter::once(OsString::from("dayfly")).chain(own[..*at].iter().cloned());
        own[*at] == "watch" && line.clone().try_get_matches_from(before.chain(["list".into()])).is_ok()
    };
    if let Some(at) = (0..own.len()).find(is_verb) {
        own[at] = "up".into();
    }
    own
}

fn mark(path: &Path) -> Option<(SystemTime, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn only_the_verb_is_replaced() {
        for (own, expected) in [
            ("--engine local watch watch --pr 7", "--engine local up watch --pr 7"),
            ("--context watch watch", "--context watch up"),
        ] {
            let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(as_up(words(own), &Cli::command()), words(expected));
        }
    }
}
