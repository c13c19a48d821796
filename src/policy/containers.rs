//! Every container of a description: services, jobs, broker, databases, backing services, and container suites. Pure.

use crate::spec::backing_services;
use crate::spec::model::{Environment, Resources, Security};
use crate::spec::span::FieldPath;

/// A container that a description asks for.
pub struct Container<'a> {
    /// Its place in the description.
    pub at: FieldPath,
    /// The name that `--image` knows.
    pub name: &'a str,
    /// Image.
    pub image: &'a str,
    /// Limits.
    pub resources: &'a Resources,
    /// Departures.
    pub security: &'a Security,
    /// Copies; none if there is only ever one.
    pub replicas: Option<u8>,
}

impl Container<'_> {
    /// Number of copies.
    pub fn copies(&self) -> u64 {
        self.replicas.map_or(1, u64::from)
    }
}

/// All containers.
pub fn all(e: &Environment) -> Vec<Container<'_>> {
    let root = FieldPath::root();
    let mut all = vec![];
    for (name, s) in &e.services {
        let at = root.key("services").key(name);
        let (image, resources, security) = (s.image.as_str(), &s.resources, &s.security);
        all.push(Container { at, name, image, resources, security, replicas: Some(s.replicas) });
    }
    for (name, j) in &e.jobs {
        let at = root.key("jobs").key(name);
        let (image, resources, security) = (j.image.as_str(), &j.resources, &j.security);
        all.push(Container { at, name, image, resources, security, replicas: None });
    }
    if let Some(b) = &e.broker {
        let (at, image) = (root.key("broker"), b.image.as_str());
        let (name, resources, security) = (b.name.as_str(), &b.resources, &b.security);
        all.push(Container { at, name, image, resources, security, replicas: None });
    }
    for (name, d) in &e.databases {
        let at = root.key("databases").key(name);
        let (image, resources, security) = (d.image.as_str(), &d.resources, &d.security);
        all.push(Container { at, name, image, resources, security, replicas: None });
    }
    for backing in backing_services::all(e) {
        let (at, name, of) = (backing.at(), backing.name, backing.container);
        let (image, resources, security) = (of.image.as_str(), &of.resources, &of.security);
        all.push(Container { at, name, image, resources, security, replicas: None });
    }
    for (name, s, image) in e.suites.iter().filter_map(|(name, s)| Some((name, s, s.image.as_deref()?))) {
        let at = root.key("suites").key(name);
        all.push(Container { at, name, image, resources: &s.resources, security: &s.security, replicas: None });
    }
    all
}
