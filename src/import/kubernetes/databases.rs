//! PostgreSQL and RabbitMQ of the manifests, which dayfly configures itself.

use super::data::Data;
use super::variables::{self, Source, marker};
use super::workload::Workload;
use crate::import::context::Context;
use crate::import::draft::{Backing, Broker, Database, Resources};
use crate::import::tree::Tree;
use crate::import::{backing, images, limits, postgres};
use crate::spec::backing::KindName;

fn pairs(workload: &Workload<'_>, data: &Data) -> Vec<(String, String)> {
    let all = workload.container().map(|c| variables::of(c, data)).unwrap_or_default();
    let value = |source: Source| match source {
        Source::Text(text) => Some(text),
        Source::Secret(object, key) => Some(format!("${{{}}}", marker(&object, &key))),
        Source::Nothing(_) => None,
    };
    all.into_iter().filter_map(|v| Some((v.name, value(v.source)?))).collect()
}

pub(super) fn database(workload: &Workload<'_>, data: &Data, cx: &mut Context) -> Database {
    let written = workload.container().and_then(|c| c.word("image")).unwrap_or_default();
    let (image, question) = images::image(Some(&written.replace('$', "$$")), &workload.unit, &mut cx.values);
    let mut database = postgres::database(&workload.unit, (image, written), &pairs(workload, data), cx);
    database.questions.extend(question);
    database.resources = workload.container().map(resources).unwrap_or_default();
    rest(workload, "PostgreSQL", cx);
    database
}

pub(super) fn broker(workload: &Workload<'_>, data: &Data, cx: &mut Context) -> Broker {
    let written = workload.container().and_then(|c| c.word("image")).unwrap_or_default();
    let (image, question) = images::image(Some(&written.replace('$', "$$")), &workload.unit, &mut cx.values);
    let mut broker = postgres::broker(&workload.unit, image, &pairs(workload, data), cx);
    broker.questions.extend(question);
    broker.resources = workload.container().map(resources).unwrap_or_default();
    rest(workload, "RabbitMQ", cx);
    broker
}

pub(super) fn backing(kind: KindName, workload: &Workload<'_>, data: &Data, cx: &mut Context) -> Backing {
    let written = workload.container().and_then(|c| c.word("image")).unwrap_or_default();
    let (image, question) = images::image(Some(&written.replace('$', "$$")), &workload.unit, &mut cx.values);
    let words = |key: &str| workload.container().map(|c| c.list(key)).unwrap_or_default();
    let words = words("command").iter().chain(words("args")).filter_map(|w| w.text().map(str::to_owned));
    let of = (pairs(workload, data), words.collect::<Vec<_>>());
    let mut backing = backing::service(kind, &workload.unit, (image, written), (&of.0, &of.1), cx);
    backing.questions.extend(question);
    backing.resources = workload.container().map(resources).unwrap_or_default();
    rest(workload, kind.noun(), cx);
    backing
}

/// Limits of a container.
pub(super) fn resources(container: &Tree) -> Resources {
    let limit = |key: &str| container.at(&["resources", "limits"]).and_then(|l| l.word(key));
    Resources {
        memory: limit("memory").and_then(limits::memory_of_kubernetes),
        cpu: limit("cpu").and_then(limits::cpu),
        pids: None,
    }
}

fn rest(workload: &Workload<'_>, product: &str, cx: &mut Context) {
    for container in workload.pod.list("initContainers").iter().chain(workload.pod.list("containers").iter().skip(1)) {
        let name = container.word("name").unwrap_or_default();
        cx.notes.drop(
            container.line,
            format!("{}.{name}", workload.unit),
            format!("dayfly starts and configures {product} itself"),
        );
    }
}
