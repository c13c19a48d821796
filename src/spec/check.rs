//! Semantic checks: names must exist, an order must be possible, patterns, durations and quantities must be valid.
//!
//! Pure. Each check reports what it finds and continues.

use super::diagnostic::{Diagnostic, DiagnosticSink, known};
use super::model::{Environment, Suite};
use super::secret_use::{SecretUse, Section};
use super::span::FieldPath;
use super::{Overrides, backing_services, needs, quantity};
use crate::model::ImageRef;

mod access;
mod address;
mod backing;
mod broker;
mod capture;
mod cases;
mod container;
mod context;
mod dependencies;
mod exec;
mod files;
mod jobs;
mod jwt;
mod messaging;
mod names;
mod order;
mod preceding;
mod process;
mod secret_use;
mod services;
mod steps;
mod stores;
mod suites;
mod warnings;

pub use container::capability;
use context::Checker;
pub use context::is_inner_path;

/// Applies the images and the TTL of the command line, then runs every check.
pub fn run(
    environment: &mut Environment,
    secrets: &[SecretUse],
    overrides: &Overrides,
    diagnostics: &mut DiagnosticSink,
) {
    override_images(environment, overrides, diagnostics);
    override_ttl(environment, overrides, diagnostics);
    let mut check = Checker::new(environment, diagnostics);
    names::check(&mut check);
    services::check(&mut check);
    jobs::check(&mut check);
    broker::check(&mut check);
    backing::check(&mut check);
    order::check(&mut check);
    suites::check(&mut check);
    secret_use::check(&mut check, secrets.iter());
}

/// Checks the suites alone, against the units of the environment.
pub fn suites_only(environment: &Environment, secrets: &[SecretUse], diagnostics: &mut DiagnosticSink) {
    let mut check = Checker::new(environment, diagnostics);
    suites::check(&mut check);
    secret_use::check(&mut check, secrets.iter().filter(|s| s.holder.section == Section::Suites));
}

/// Finds what is allowed but probably not meant. `environment` must have no errors.
pub fn warnings(environment: &Environment, diagnostics: &mut DiagnosticSink) {
    warnings::check(&mut Checker::new(environment, diagnostics));
}

fn override_images(environment: &mut Environment, overrides: &Overrides, diagnostics: &mut DiagnosticSink) {
    for (name, image) in &overrides.images {
        let option = format!("--image {name}");
        if image.parse::<ImageRef>().is_err() {
            let help = "write a reference such as `registry.example/shop/api:1.4`";
            diagnostics.push(Diagnostic::without_span(&option, format!("`{image}` is not an image reference"), help));
            continue;
        }
        match image_of(environment, name) {
            Some(place) => *place = image.clone(),
            None => {
                let message = format!("the description has no image for `{name}`");
                let help = known(name, with_image(environment));
                diagnostics.push(Diagnostic::without_span(&option, message, help));
            }
        }
    }
}

fn image_of<'a>(e: &'a mut Environment, name: &str) -> Option<&'a mut String> {
    if backing_services::find(e, name).is_some() {
        return backing_services::image_of(e, name);
    }
    if let Some(broker) = e.broker.as_mut().filter(|b| b.name == name) {
        return Some(&mut broker.image);
    }
    let service = e.services.get_mut(name).map(|s| &mut s.image);
    let service = service.or_else(|| e.jobs.get_mut(name).map(|j| &mut j.image));
    let other = service.or_else(|| e.databases.get_mut(name).map(|d| &mut d.image));
    other.or_else(|| e.suites.get_mut(name).and_then(|s| s.image.as_mut()))
}

fn with_image(e: &Environment) -> impl Iterator<Item = &str> {
    let judges = |s: &&Suite| s.image.is_some();
    let units = needs::of_units(e).into_keys();
    units.chain(e.suites.iter().filter(move |(_, s)| judges(s)).map(|(n, _)| n.as_str()))
}

fn override_ttl(environment: &mut Environment, overrides: &Overrides, diagnostics: &mut DiagnosticSink) {
    let given = overrides.ttl.as_ref();
    let text = given.unwrap_or(&environment.ttl).clone();
    if let Err(help) = quantity::duration_ms(&text, quantity::LONGEST_LIFE_MS) {
        let message = format!("`{text}` is not a valid duration");
        match given {
            Some(_) => diagnostics.push(Diagnostic::without_span("--ttl", message, help)),
            None => diagnostics.add(&FieldPath::root().key("ttl"), message, help),
        }
    }
    environment.ttl = text;
}
