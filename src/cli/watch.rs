//! `dayfly watch`: updates an environment whenever its description, one of its files or an image changes, and runs the suites
//! that the change concerns.
//!
//! It runs the commands that a user would type: `up`, and `test` for the suites concerned.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::up::UpArgs;
use super::wanted::Wanted;
use super::{Cli, Common, description, request, signals, target};
use crate::engine::{Engine, EngineKind};
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

/// Watches until it is interrupted; the environment stays.
pub async fn run(args: WatchArgs, common: &Common) -> anyhow::Result<u8> {
    let engine = target::engine(common).await?;
    let stop = signals::watch_quiet()?;
    let program = std::env::current_exe().context("failed to find dayfly's own program")?;
    let up = as_up(std::env::args_os().skip(1).collect());
    let mut state = State { plan: None, marks: BTreeMap::new() };
    loop {
        let found = look(&args, engine.as_ref()).await;
        let concerned = state.concerned(&found);
        let (seen, files) = (found.marks.clone(), found.files);
        if command(&program, &up, &stop).await? == i32::from(exit_code::PASSED)
            && let Some(plan) = found.plan
        {
            test(&program, &plan, &concerned, common, &stop).await?;
            state = State { plan: Some(plan), marks: found.marks };
        }
        if stop.is_cancelled() {
            break;
        }
        errln!("watching {files} file(s) and {} image(s); Ctrl-C ends it", seen.len() - files);
        if !changed(engine.as_ref(), &seen, &stop).await {
            break;
        }
    }
    if let Some(plan) = &state.plan {
        let (environment, flags) = (&plan.environment, target::flags(common));
        errln!("{environment} is still up; remove it with: dayfly down {environment}{flags}");
    }
    Ok(exit_code::PASSED)
}

/// What tells a changed file or image from an unchanged one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    File(Option<(SystemTime, u64)>),
    Image(Option<String>),
}

/// What there is to watch.
struct Found {
    plan: Option<Plan>,
    marks: BTreeMap<String, Mark>,
    files: usize,
}

/// What was there when the environment last came up.
struct State {
    plan: Option<Plan>,
    marks: BTreeMap<String, Mark>,
}

impl State {
    /// The suites that the differences concern; all at first.
    fn concerned(&self, found: &Found) -> BTreeSet<String> {
        let (Some(before), Some(now)) = (&self.plan, &found.plan) else {
            return found.plan.iter().flat_map(|plan| plan.suites.keys().cloned()).collect();
        };
        let is_new_image = |image: &str| self.marks.get(image) != found.marks.get(image);
        let units = now.units.iter().filter(|u| before.unit(&u.name) != Some(u) || is_new_image(&u.image));
        let units: BTreeSet<&str> = units.map(|u| u.name.as_str()).collect();
        let suites = now.suites.iter().filter(|(name, suite)| {
            before.suites.get(*name).map(|s| &s.digest) != Some(&suite.digest)
                || suite.needs.iter().any(|need| rests_on(now, need, &units))
        });
        suites.map(|(name, _)| name.clone()).collect()
    }
}

/// Returns true if a unit is one of these, or needs one of them.
fn rests_on(plan: &Plan, unit: &str, changed: &BTreeSet<&str>) -> bool {
    let (mut open, mut seen) = (vec![unit], BTreeSet::from([unit]));
    while let Some(name) = open.pop() {
        if changed.contains(name) {
            return true;
        }
        let needs = plan.unit(name).into_iter().flat_map(|u| &u.needs);
        open.extend(needs.map(String::as_str).filter(|need| seen.insert(need)));
    }
    false
}

async fn look(args: &WatchArgs, engine: &dyn Engine) -> Found {
    let (description, change) = args.up.parts();
    let file = file_of(&description.file);
    let read = || -> Option<(ValidDescription, Plan)> {
        let (change_args, change, _) = request::change(change, &description.file, false).ok()?;
        let overrides = description::overrides(description, Some(&change_args));
        let valid = crate::spec::load(&description.file, &overrides).ok()?;
        let plan = crate::plan::build::build(&valid, change.pr).ok()?;
        Some((valid, plan))
    };
    // `up` says what is wrong with a description; here it is only watched until it is right.
    let (valid, plan) = read().unzip();
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let referred = valid.iter().flat_map(|valid| valid.files.keys()).map(|name| folder.join(name));
    let paths: BTreeSet<PathBuf> = referred.chain([file]).collect();
    let mut marks: BTreeMap<String, Mark> =
        paths.iter().map(|path| (path.display().to_string(), Mark::File(mark(path)))).collect();
    let files = marks.len();
    let images: BTreeSet<String> = plan.iter().flat_map(|plan| plan.units.iter().map(|u| u.image.clone())).collect();
    if engine.kind() != EngineKind::Kubernetes {
        marks.extend(image_marks(engine, images).await);
    }
    Found { plan, marks, files }
}

/// The marks of images on this machine. A registry would have to be asked again and again.
async fn image_marks(engine: &dyn Engine, images: BTreeSet<String>) -> BTreeMap<String, Mark> {
    let images: Vec<String> = images.into_iter().collect();
    let found = engine.resolve_images(&images, &|_, _| {}).await.unwrap_or_default();
    let id = |image: &String| found.get(image).map(|fact| fact.digest.clone());
    images.iter().map(|image| (image.clone(), Mark::Image(id(image)))).collect()
}

/// Waits until a file or image differs from what was seen, and nothing changes any more; returns false if the user stops.
async fn changed(engine: &dyn Engine, seen: &BTreeMap<String, Mark>, stop: &CancellationToken) -> bool {
    let mut before = seen.clone();
    for number in 1u32.. {
        let pause = if before == *seen { LOOK } else { QUIET };
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(pause) => {}
        }
        let mut now = before.clone();
        let is_file = |mark: &Mark| matches!(mark, Mark::File(_));
        for (path, found) in now.iter_mut().filter(|(_, mark)| is_file(mark)) {
            *found = Mark::File(mark(Path::new(path)));
        }
        if number % IMAGE_LOOKS == 0 {
            let images = seen.iter().filter(|(_, mark)| !is_file(mark)).map(|(image, _)| image.clone());
            now.extend(image_marks(engine, images.collect()).await);
        }
        if now == before && now != *seen {
            return true;
        }
        before = now;
    }
    true
}

/// The arguments of this command as those of `up`.
fn as_up(mut own: Vec<OsString>) -> Vec<OsString> {
    // Flags may stand before the verb, and have `watch` as their value.
    let is_verb = |at: &usize| {
        let before = std::iter::once(OsString::from("dayfly")).chain(own[..*at].iter().cloned());
        own[*at] == "watch" && Cli::explained().try_get_matches_from(before.chain(["list".into()])).is_ok()
    };
    if let Some(at) = (0..own.len()).find(is_verb) {
        own[at] = "up".into();
    }
    own
}

/// Runs a command of dayfly to its end, and passes on the first signal to it. Returns its exit code.
async fn command(program: &Path, arguments: &[OsString], stop: &CancellationToken) -> anyhow::Result<i32> {
    if stop.is_cancelled() {
        return Ok(i32::from(exit_code::INTERRUPTED));
    }
    let mut command = Command::new(program);
    // In a process group of its own: a terminal signals the whole group of this one, and a second signal would mean more.
    let mut child =
        command.args(arguments).stdin(Stdio::null()).process_group(0).spawn().context("failed to run dayfly")?;
    let ended = tokio::select! {
        ended = child.wait() => ended,
        () = stop.cancelled() => {
            if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
                // If it has ended meanwhile, there is nothing to stop.
                kill_process(pid, Signal::INT).ok();
            }
            child.wait().await
        }
    };
    Ok(ended.context("failed to wait for dayfly")?.code().unwrap_or(i32::from(exit_code::UNEXPECTED)))
}

async fn test(
    program: &Path,
    plan: &Plan,
    suites: &BTreeSet<String>,
    common: &Common,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    if suites.is_empty() {
        errln!("no suite concerns the change");
        return Ok(());
    }
    let flags = target::flags(common);
    let mut arguments: Vec<OsString> = flags.split_whitespace().map(OsString::from).collect();
    arguments.extend(["test".into(), plan.environment.clone().into()]);
    arguments.extend(suites.iter().flat_map(|suite| ["--suite".into(), suite.into()]));
    command(program, &arguments, stop).await.map(drop)
}

fn mark(path: &Path) -> Option<(SystemTime, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_verb_is_replaced() {
        for (own, expected) in [
            ("--engine local watch watch --pr 7", "--engine local up watch --pr 7"),
            ("--context watch watch", "--context watch up"),
        ] {
            let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(as_up(words(own)), words(expected));
        }
    }
}
