//! Finds images that would run as root although the description does not allow it. Pure.

use std::collections::BTreeMap;

use super::{Confinement, Plan, SuiteExecutor};
use crate::model::ImageFact;

/// One sentence for each service or container suite that would run as root without leave.
pub fn check(plan: &Plan, images: &BTreeMap<String, ImageFact>) -> Vec<String> {
    let units = plan.units.iter().map(|u| (format!("service {}", u.name), &u.image, &u.confinement));
    let suites = plan.suites.values().filter_map(|s| match &s.executor {
        SuiteExecutor::Container(c) => Some((format!("suite {}", s.name), &c.image, &c.confinement)),
        SuiteExecutor::Steps { .. } | SuiteExecutor::Dependencies(_) => None,
    });
    units
        .chain(suites)
        .filter(|(_, image, confinement)| runs_as_root(images.get(*image), confinement))
        .map(|(who, image, _)| message(&who, image))
        .collect()
}

fn runs_as_root(image: Option<&ImageFact>, confinement: &Confinement) -> bool {
    // A user that is not known before the start is left to the engine, which runs no container as root without permission.
    let image_user = image.map_or(Some(""), |i| i.user.as_deref());
    let Some(user) = confinement.user.as_deref().or(image_user) else { return false };
    let name = user.split(':').next().unwrap_or("");
    !confinement.root && (name.is_empty() || name == "root" || name == "0")
}

fn message(who: &str, image: &str) -> String {
    format!(
        "{who}: its image {image} runs as root; set `security.user` to a numeric user, or `security.root: true` with a `reason`"
    )
}
