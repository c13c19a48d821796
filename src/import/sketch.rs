//! A draft for a project that has nothing to import: a service for each file that builds an image. Pure.

use std::path::Path;

use super::context::Context;
use super::draft::{Draft, Service};
use super::imported::{Imported, finish};
use super::names;
use super::source::Folder;

/// Drafts a description of services, each with the port that its image exposes.
pub fn sketch(name: &str, services: &[(String, Option<u16>)], origin: &Path) -> Imported {
    let mut cx = Context::new(Folder::none());
    let mut draft = Draft { name: names::description(name), ..Draft::default() };
    for (name, port) in services {
        let unit = cx.names.add(name);
        let image = format!("localhost/{unit}:change-me");
        let mut service = Service { name: unit, image, port: Some(port.unwrap_or(8080)), ..Service::default() };
        service.ask("image", "which image is it? CI builds it, and can name it with --image");
        if port.is_none() {
            service.ask("port", "on which port does it listen?");
        }
        draft.services.push(service);
    }
    finish(draft, cx, origin)
}
