//! The backing services of a description, of whatever kind. Pure.

use std::collections::BTreeMap;

use super::backing::Kind;
use super::model::{BackingContainer, BackingService, Environment};
use super::span::FieldPath;

/// One backing service of a description.
pub struct Backing<'a> {
    /// Its name; also its host name.
    pub name: &'a str,
    /// Its container.
    pub container: &'a BackingContainer,
    /// The rest.
    pub kind: Kind,
}

impl Backing<'_> {
    /// Where it is declared.
    pub fn at(&self) -> FieldPath {
        FieldPath::root().key(self.kind.name().noun()).key(self.name)
    }

    /// Names of its secrets.
    pub fn secrets(&self) -> impl Iterator<Item = String> {
        self.kind
            .profile(self.name)
            .credentials
            .into_iter()
            .map(|credential| format!("{}.{}", self.name, credential.name))
    }
}

/// Every backing service of a description.
pub fn all(e: &Environment) -> Vec<Backing<'_>> {
    of(&e.redis, Kind::Redis).chain(of(&e.s3, Kind::S3)).collect()
}

fn of<'a, K: Clone>(
    declared: &'a BTreeMap<String, BackingService<K>>,
    kind: impl Fn(K) -> Kind,
) -> impl Iterator<Item = Backing<'a>> {
    declared.iter().map(move |(name, service)| Backing {
        name,
        container: &service.container,
        kind: kind(service.kind.clone()),
    })
}

/// The backing service of that name.
pub fn find<'a>(e: &'a Environment, name: &str) -> Option<Backing<'a>> {
    all(e).into_iter().find(|b| b.name == name)
}

/// The image of a backing service, to be replaced.
pub(super) fn image_of<'a>(e: &'a mut Environment, name: &str) -> Option<&'a mut String> {
    let redis = e.redis.get_mut(name).map(|b| &mut b.container.image);
    redis.or_else(|| e.s3.get_mut(name).map(|b| &mut b.container.image))
}
