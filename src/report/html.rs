//! One self-contained page per run: no scripts, no network, readable in light, dark and print.
//!
//! This module and its children build the data; `page.hbs` and its parts lay it out. Templates escape every value.

use handlebars::Handlebars;
use serde::Serialize;

use self::badge::badge;
use super::ReportError;
use super::facts::{CaseFact, Facts, UnitFact};
use crate::model::{Verdict, sanitize};
use crate::report::{clues, display, excerpt, sources, time};

mod badge;
mod network;
mod selection;
mod suites;
mod timeline;

/// Templates by name.
const PARTS: [(&str, &str); 7] = [
    ("page", include_str!("html/page.hbs")),
    ("style", include_str!("html/style.css")),
    ("timeline", include_str!("html/timeline.hbs")),
    ("suite", include_str!("html/suite.hbs")),
    ("failure", include_str!("html/failure.hbs")),
    ("clues", include_str!("html/clues.hbs")),
    ("network", include_str!("html/network.hbs")),
];

/// Renders HTML.
pub fn render(facts: &Facts) -> Result<String, ReportError> {
    let failed = |why: String| ReportError::Render { view: "html", why };
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    for (name, text) in PARTS {
        templates.register_template_string(name, text).map_err(|e| failed(e.to_string()))?;
    }
    templates.render("page", &page(facts)).map_err(|e| failed(e.to_string()))
}

/// The data of the templates.
#[derive(Serialize)]
struct Page {
    word: &'static str,
    class: &'static str,
    mark: &'static str,
    environment: String,
    sentence: &'static str,
    unsigned: Option<&'static str>,
    about: Vec<(&'static str, String, Option<String>)>,
    causes: Vec<(&'static str, String)>,
    broken: Vec<Broken>,
    suites: Vec<suites::Suite>,
    troubles: Vec<suites::Case>,
    more_troubles: usize,
    flaky: Vec<suites::Case>,
    timeline: timeline::Timeline,
    network: network::Network,
    confinement: Vec<network::Confined>,
    images: Vec<network::Image>,
    sources: Vec<String>,
    engine: String,
    engine_info: Vec<(&'static str, String)>,
    engine_known: bool,
    cannot: Vec<String>,
    events: Vec<Event>,
    kept_files: Vec<(String, String)>,
    residual: Vec<(String, String)>,
    not_selected: Vec<String>,
    left_out: Vec<String>,
    unit_ends: Vec<String>,
    teardown: String,
    writer: String,
}

/// A unit that did not become ready.
#[derive(Serialize)]
struct Broken {
    name: String,
    why: String,
    last_log: String,
}

#[derive(Serialize)]
struct Event {
    at: String,
    after: String,
    about: String,
    text: String,
}

fn page(facts: &Facts) -> Page {
    let word = display::outcome(facts);
    let (class, mark) = badge(word);
    let suites = suites::suites(facts);
    let info = facts.engine_info.as_ref();
    let troubles = suites::pick(&suites, |c| c.class == "bad" || c.class == "unsure");
    let is_trouble = |case: &&CaseFact| matches!(case.verdict, Some(Verdict::Failed | Verdict::Inconclusive));
    let all_troubles = facts.suites.iter().flat_map(|suite| &suite.cases).filter(is_trouble).count();
    Page {
        word,
        class,
        mark,
        environment: sanitize::one_line(&facts.environment, 120),
        sentence: sentence(word),
        unsigned: facts.unsigned.then_some(display::UNSIGNED),
        about: about(facts),
        causes: facts.causes.iter().map(|c| (display::cause(c.kind), sanitize::block(&c.text, 4000))).collect(),
        broken: facts.units.iter().filter_map(broken).collect(),
        more_troubles: all_troubles.saturating_sub(troubles.len()),
        troubles,
        flaky: suites::pick(&suites, |c| c.flaky),
        suites,
        timeline: timeline::timeline(facts),
        network: network::network(facts),
        confinement: facts
            .units
            .iter()
            .map(network::confined)
            .chain(facts.suites.iter().filter_map(network::confined_suite))
            .collect(),
        images: network::images(facts),
        sources: sources::lines(facts).iter().map(|of| sanitize::one_line(of, 400)).collect(),
        engine: display::engine(facts),
        engine_info: info
            .map(|i| {
                vec![("Product", i.product.clone()), ("Version", i.version.clone()), ("Endpoint", i.endpoint.clone())]
            })
            .unwrap_or_default(),
        engine_known: info.is_some(),
        cannot: info.map(|i| i.gaps.iter().map(|c| sanitize::one_line(c, 600)).collect()).unwrap_or_default(),
        events: facts.events.iter().map(|e| event(facts, e)).collect(),
        unit_ends: facts.unit_ends.iter().map(display::unit_end).collect(),
        kept_files: clues::kept_files(facts),
        not_selected: facts.not_selected.iter().map(|name| sanitize::one_line(name, 80)).collect(),
        left_out: facts.left_out.iter().map(|name| sanitize::one_line(name, 80)).collect(),
        residual: facts
            .residual
            .iter()
            .map(|r| (sanitize::one_line(&r.object, 300), sanitize::block(&r.reason, 1000)))
            .collect(),
        teardown: teardown(facts),
        writer: sanitize::one_line(&format!("{} {}", facts.runner.name, facts.runner.version), 80),
    }
}

fn sentence(word: &str) -> &'static str {
    match word {
        "PASSED" => "Every suite ran and passed.",
        "FAILED" => "At least one suite failed.",
        "INCONCLUSIVE" => "No suite failed, but at least one could not be judged.",
        "ERROR" => "The environment or its tools failed before the change could be tested.",
        "ABORTED" => "The run was interrupted or replaced by a newer one.",
        _ => "This report was saved before the run finished.",
    }
}

/// Labels, values, and addresses to link the values to.
fn about(facts: &Facts) -> Vec<(&'static str, String, Option<String>)> {
    let links = facts.links.checked();
    let mut about = vec![("Pull request", format!("#{}", facts.change.pr), links.pull_request)];
    let commit = sanitize::one_line(&facts.change.commit, 200);
    about.push(("Commit", if commit.is_empty() { display::commit(facts) } else { commit }, links.commit));
    let optional = [
        ("Repository", &facts.change.repository, links.repository),
        ("Job", &facts.runner.job, links.job),
        ("Triggered by", &facts.runner.actor, None),
    ];
    let one_line = |text: &String| sanitize::one_line(text, 300);
    about.extend(optional.into_iter().filter_map(|(label, v, link)| Some((label, one_line(v.as_ref()?), link))));
    let plain = [
        display::requester(facts).map(|text| ("Requested by", text)),
        Some(("Started", time::timestamp(facts.started))),
        Some(("Took", time::elapsed(facts.started, facts.finished))),
        Some(("Engine", display::engine(facts))),
        Some(("Run", facts.run.to_string())),
        Some(("Description", one_line(&facts.description_path))),
        Some(("Policy", display::policy(facts).unwrap_or_else(|| "dayfly's built-in limits".into()))),
        Some(("Description digest", format!("sha256:{}", sanitize::one_line(&facts.description_digest, 100)))),
    ];
    about.extend(plain.into_iter().flatten().map(|(label, value)| (label, value, None)));
    about
}

fn broken(unit: &UnitFact) -> Option<Broken> {
    let why = sanitize::block(unit.failure.as_ref()?, 4000);
    Some(Broken {
        name: sanitize::one_line(&unit.name, 120),
        why,
        last_log: sanitize::block(&excerpt::last(&unit.last_log, 19_000), 20_000),
    })
}

fn event(facts: &Facts, event: &super::facts::Event) -> Event {
    Event {
        at: event.at.strftime("%H:%M:%S").to_string(),
        after: time::duration(time::ms_between(facts.started, event.at)),
        about: sanitize::one_line(event.about.as_deref().unwrap_or(""), 120),
        text: sanitize::block(&event.text, 2000),
    }
}

fn teardown(facts: &Facts) -> String {
    match (&facts.kept, facts.removed) {
        (Some(kept), _) => format!("The environment was kept: {}", sanitize::block(kept, 1000)),
        (None, Some(at)) => format!("All objects were removed at {}.", time::timestamp(at)),
        (None, None) if facts.residual.is_empty() => "The removal of the environment is not recorded.".into(),
        (None, None) => "Some objects could not be removed.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_escape_every_value() {
        for (name, text) in PARTS {
            assert!(!text.contains("{{{") && !text.contains("{{&"), "{name}");
        }
    }
}
