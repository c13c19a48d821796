//! The steps of a suite with their places, and the files that they send or compare with. Pure.

use super::model::{Action, Http, Part, Step, Suite};
use super::span::FieldPath;

/// Steps of a suite, with their paths.
pub fn steps<'a>(at: &FieldPath, suite: &'a Suite) -> impl Iterator<Item = (FieldPath, &'a Step)> {
    let at = at.key("cases");
    suite.cases.iter().enumerate().flat_map(move |(i, case)| {
        let at = at.index(i);
        let of = move |key: &str, steps: &'a [Step]| {
            let at = at.key(key);
            steps.iter().enumerate().flat_map(move |(j, step)| with_inner(at.index(j), step)).collect::<Vec<_>>()
        };
        [of("steps", &case.steps), of("cleanup", &case.cleanup)].concat()
    })
}

/// A step and those that it repeats, with their paths.
fn with_inner(at: FieldPath, step: &Step) -> Vec<(FieldPath, &Step)> {
    let mut all = vec![(at.clone(), step)];
    if let Action::Repeat(repeat) = &step.action {
        let at = at.key("repeat").key("steps");
        all.extend(repeat.steps.iter().enumerate().flat_map(|(i, step)| with_inner(at.index(i), step)));
    }
    all
}

/// The files that a suite refers to, with their places.
pub fn of_suite<'a>(at: &FieldPath, suite: &'a Suite) -> Vec<(FieldPath, &'a str)> {
    let of_step = |(at, step): (FieldPath, &'a Step)| match &step.action {
        Action::Http(http) => of_http(&at.key("http"), http),
        _ => vec![],
    };
    steps(at, suite).flat_map(of_step).collect()
}

/// The files that one step refers to.
pub fn of_http<'a>(at: &FieldPath, http: &'a Http) -> Vec<(FieldPath, &'a str)> {
    let expected = http.expect.file.iter().map(|path| (at.key("expect").key("file"), path.as_str()));
    sent(at, http).into_iter().chain(expected).collect()
}

/// The files that one step sends.
pub fn sent<'a>(at: &FieldPath, http: &'a Http) -> Vec<(FieldPath, &'a str)> {
    let body = http.file.iter().map(|path| (at.key("file"), path.as_str()));
    let part = |(i, part): (usize, &'a Part)| {
        part.file.as_deref().map(|path| (at.key("multipart").index(i).key("file"), path))
    };
    body.chain(http.multipart.iter().enumerate().filter_map(part)).collect()
}
