//! Reads the archive of an image in one pass: layers as they come, and then the manifest that says their order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::Inventory;
use super::budget::Budget;
use super::collect::Collector;
use super::layer::Layer;
use super::manifest::{self, Image};
use super::tree::{Tree, beside};
use super::unpack::{Hashed, packing, peek, plain};
use super::walk::{Item, Kind, bounded, walk, words};
use crate::model::Digest;

/// Longest manifest or configuration in bytes.
const MAX_JSON: u64 = 8 << 20;
/// How often links of an archive lead to another one.
const MAX_LINKS: usize = 8;

/// The members of an archive that matter.
#[derive(Default)]
struct Members {
    layers: BTreeMap<String, Result<Layer, String>>,
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, String>,
    /// Paths of all members but folders.
    seen: BTreeSet<String>,
}

/// True if a file begins like an archive, compressed or not.
pub fn is_archive(head: &[u8]) -> bool {
    packing(head).is_some()
}

/// Reads an archive. `name` says in places which image it is. What cannot be read of it is a gap.
pub fn read(reader: impl Read, name: &str) -> Inventory {
    let mut collector = Collector::new(name);
    let mut members = Members::default();
    let budget = Budget::new();
    let whole = outer(reader, &mut members, &budget);
    let images = match (whole, manifest::images(&members.files, &members.seen)) {
        (Ok(()), Ok(images)) => images,
        // The first reason is the cause of the other one.
        (Err(why), Ok(images)) => {
            collector.gap("", format!("the archive cannot be read to its end: {why}"));
            images
        }
        (Err(why), Err(_)) => {
            collector.gap("", format!("the archive cannot be read: {why}"));
            vec![]
        }
        (Ok(()), Err(why)) => {
            collector.gap("", format!("the archive cannot be read: {why}"));
            vec![]
        }
    };
    for image in &images {
        let mut tree = Tree::default();
        for (number, layer) in layers(&members, image).into_iter().enumerate() {
            match layer {
                Ok(layer) => match budget.work(tree.len() + 2 * layer.steps) {
                    Ok(()) => tree.lay(layer),
                    Err(why) => {
                        collector.gap("", format!("layer {} is not read: {why}", number + 1));
                        break;
                    }
                },
                Err(why) => collector.gap("", format!("layer {} cannot be read: {why}", number + 1)),
            }
        }
        collector.collect(&tree);
    }
    let digests = members.files.values().map(|bytes| Digest::compute(bytes).to_string()).collect();
    collector.finish(digests)
}

fn outer(reader: impl Read, members: &mut Members, budget: &Budget) -> Result<(), String> {
    let (head, whole) = peek(reader).map_err(words)?;
    let Some(packing) = packing(&head) else { return Err("it is not an archive".into()) };
    let mut plain = Hashed::new(plain(packing, whole), budget);
    walk(&mut plain, budget, &mut |item, content| members.add(item, content, budget))
}

impl Members {
    fn add(&mut self, item: Item, content: &mut dyn Read, budget: &Budget) -> Result<(), String> {
        let Item { path, kind, size } = item;
        if kind != Kind::Folder {
            budget.keep(path.len() + 24)?;
            if !self.seen.insert(path.clone()) {
                // Of two, it is not certain which one an engine takes.
                return Err("a member is there twice".into());
            }
        }
        match kind {
            Kind::Link(target) => {
                budget.keep(path.len() + target.len() + 64)?;
                self.links.insert(path, target);
            }
            Kind::Same(target) => {
                budget.keep(path.len() + target.len() + 64)?;
                self.links.insert(path, format!("/{target}"));
            }
            Kind::File => {
                let (head, whole) = peek(content).map_err(words)?;
                if let Some(packing) = packing(&head) {
                    budget.keep(path.len() + 256)?;
                    let layer = layer(Hashed::new(plain(packing, whole), budget), budget);
                    self.layers.insert(path, layer);
                } else if size <= MAX_JSON && matches!(head.first(), Some(b'{' | b'[')) {
                    let mut whole = whole;
                    budget.keep(path.len() + usize::try_from(size).unwrap_or(usize::MAX))?;
                    self.files.insert(path, bounded(&mut whole, size, MAX_JSON)?);
                }
            }
            Kind::Folder | Kind::Other => {}
        }
        Ok(())
    }

    /// The path of a member, links followed.
    fn real(&self, path: &str) -> Option<String> {
        let mut at = beside("", path)?;
        for _ in 0..MAX_LINKS {
            let Some(target) = self.links.get(&at) else { return Some(at) };
            at = match target.strip_prefix('/') {
                Some(absolute) => beside("", absolute)?,
                None => beside(&at, target)?,
            };
        }
        None
    }
}

fn layer(mut plain: Hashed<'_, impl Read>, budget: &Budget) -> Result<Layer, String> {
    let mut layer = Layer::read(&mut plain, budget)?;
    layer.digest = plain.digest().map_err(words)?;
    Ok(layer)
}

/// The layers of an image, each with the digest that its configuration names, or why not.
fn layers<'a>(members: &'a Members, image: &Image) -> Vec<Result<&'a Layer, String>> {
    let one = |(path, digest): (&String, &String)| {
        let found = members.real(path).and_then(|real| members.layers.get(&real));
        match found {
            None => Err("the archive does not have it, or in an unknown format".into()),
            Some(Err(why)) => Err(why.clone()),
            Some(Ok(layer)) if layer.digest != *digest => Err("it is not what the configuration names".into()),
            Some(Ok(layer)) => Ok(layer),
        }
    };
    image.layers.iter().zip(&image.digests).map(one).collect()
}
