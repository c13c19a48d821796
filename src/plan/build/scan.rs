//! Which images and lock files the suites of kind `dependencies` look at.

use crate::plan::{DependencyScan, Plan, ScannedImage, SuiteExecutor};
use crate::spec::model::{Environment, ScannedImages};

/// Fills in the scans of a plan that has its units and suites.
pub(super) fn fill(plan: &mut Plan, e: &Environment) {
    let of = |(name, suite): (&String, &crate::spec::model::Suite)| {
        let scan = suite.scan.clone().unwrap_or_default();
        (name.clone(), DependencyScan { images: images(plan, &scan.images), lock_files: scan.lockfiles })
    };
    let scans: Vec<(String, DependencyScan)> = e.suites.iter().map(of).collect();
    for (name, scan) in scans {
        if let Some(SuiteExecutor::Dependencies(empty)) = plan.suites.get_mut(&name).map(|s| &mut s.executor) {
            *empty = scan;
        }
    }
}

/// The chosen images, each once. Suites that their condition leaves out run nothing.
fn images(plan: &Plan, chosen: &ScannedImages) -> Vec<ScannedImage> {
    let is_chosen = |name: &str| match chosen {
        ScannedImages::Word(_) => true,
        ScannedImages::Of(names) => names.iter().any(|n| n == name),
    };
    let mut images: Vec<ScannedImage> = vec![];
    let mut of = |image: &str| match images.iter().position(|known| known.image == image) {
        Some(place) => place,
        None => {
            images.push(ScannedImage { image: image.to_owned(), units: vec![], suites: vec![] });
            images.len() - 1
        }
    };
    let units: Vec<_> = plan.units.iter().filter(|u| is_chosen(&u.name)).map(|u| (of(&u.image), &u.name)).collect();
    let container = |s: &crate::plan::SuitePlan| match &s.executor {
        SuiteExecutor::Container(c) if !s.left_out && is_chosen(&s.name) => Some(c.image.clone()),
        _ => None,
    };
    let suites: Vec<_> = plan.suites.values().filter_map(|s| Some((of(&container(s)?), &s.name))).collect();
    units.into_iter().for_each(|(place, name)| images[place].units.push(name.clone()));
    suites.into_iter().for_each(|(place, name)| images[place].suites.push(name.clone()));
    images
}
