//! Markdown that fits a comment on a pull request: verdicts first, then failures, with long texts folded.
//!
//! Escapes hostile text, so that it mentions and links nobody. The only links are those to the change and the job.

use super::CaseCounts;
use super::facts::{CaseFact, CaseFailure, Facts, SuiteFact, UnitFact};
use crate::model::sanitize;
use crate::report::{clues, counts, display, excerpt, scans, sources, time};

pub mod escape;

use escape::fenced;
pub use escape::inline;

/// Maximum size of the result; GitHub accepts 65,536 characters.
pub const MOST_BYTES: usize = 60_000;
/// Maximum number of rows in the table of suites.
const MOST_SUITES: usize = 60;
/// Bytes reserved for the note about omitted entries.
const RESERVE: usize = 400;

/// Renders Markdown, at most `MOST_BYTES` long.
pub fn render(facts: &Facts) -> String {
    let mut page = Page { out: String::new(), left_out: 0 };
    page.add(&header(facts));
    page.add(&suites(&facts.suites));
    page.group("### Not selected", facts.not_selected.iter().map(|name| format!("- suite {}\n", inline(name, 60))));
    page.group(
        "### Not run, because of their condition",
        facts.left_out.iter().map(|name| format!("- suite {}\n", inline(name, 60))),
    );
    page.group(
        "### Causes",
        facts.causes.iter().map(|c| format!("- **{}**: {}\n", display::cause(c.kind), inline(&c.text, 1000))),
    );
    page.group(
        "### Ended unasked",
        facts.unit_ends.iter().map(|end| format!("- {}\n", inline(&display::unit_end(end), 500))),
    );
    page.group("### Did not become ready", facts.units.iter().filter_map(unit));
    page.group("### Failures", counts::unsuccessful(&facts.suites).map(|(s, c)| case(s, c)));
    page.group("### Flaky", flaky(&facts.suites));
    page.group(
        "### Could not be removed",
        facts.residual.iter().map(|r| format!("- {}: {}\n", inline(&r.object, 200), inline(&r.reason, 400))),
    );
    page.group("### Kept", facts.kept.iter().map(|why| format!("- {}\n", inline(why, 400))));
    page.fold("Departures from the secure defaults", display::departing(facts).map(|d| departure(&d)).collect());
    let gaps = facts.engine_info.as_ref().map(|i| i.gaps.as_slice()).unwrap_or_default();
    page.fold("Not enforced by the engine", gaps.iter().map(|c| format!("- {}\n", inline(c, 400))).collect());
    page.fold("Dependencies", scans::all(facts).iter().map(|of| format!("- {}\n", inline(of, 1200))).collect());
    page.fold("Sources", sources::lines(facts).iter().map(|of| format!("- {}\n", inline(of, 400))).collect());
    let kept = clues::kept_files(facts);
    page.fold("Logs", kept.iter().map(|(name, at)| format!("- {}: `{at}`\n", inline(name, 100))).collect());
    page.end()
}

struct Page {
    out: String,
    left_out: usize,
}

impl Page {
    /// Adds the whole piece if it fits; returns true if it did.
    fn add(&mut self, piece: &str) -> bool {
        let fits = self.out.len() + piece.len() + RESERVE <= MOST_BYTES;
        if fits {
            self.out.push_str(piece);
        } else {
            self.left_out += 1;
        }
        fits
    }

    fn group(&mut self, title: &str, pieces: impl Iterator<Item = String>) {
        let mut titled = false;
        for piece in pieces {
            let piece = if titled { piece } else { format!("\n{title}\n\n{piece}") };
            titled |= self.add(&piece);
        }
    }

    fn fold(&mut self, title: &str, items: Vec<String>) {
        if !items.is_empty() {
            self.add(&format!(
                "\n<details><summary>{title} ({})</summary>\n\n{}\n</details>\n",
                items.len(),
                items.concat()
            ));
        }
    }

    fn end(mut self) -> String {
        if self.left_out > 0 {
            self.out.push_str(&format!(
                "\n_{} more entries did not fit here; see the HTML or JSON report._\n",
                self.left_out
            ));
        }
        self.out
    }
}

fn header(facts: &Facts) -> String {
    let word = display::outcome(facts);
    let links = facts.links.checked();
    let repository = facts.change.repository.as_ref();
    let repository = repository.map(|r| format!("{} ", linked(&inline(r, 200), &links.repository))).unwrap_or_default();
    let job = match (&links.job, &facts.runner.job) {
        (Some(_), _) => format!(" · {}", linked("job", &links.job)),
        (None, Some(job)) => format!(" · job {}", inline(job, 300)),
        (None, None) => String::new(),
    };
    let commit = format!("`{}`", display::commit(facts).replace('`', "'"));
    let policy = display::policy(facts).map(|p| format!(" · policy {}", inline(&p, 400))).unwrap_or_default();
    let requester =
        display::requester(facts).map(|r| format!(" · requested by {}", inline(&r, 600))).unwrap_or_default();
    let unsigned = if facts.unsigned { format!("> **{}**\n\n", display::UNSIGNED) } else { String::new() };
    format!(
        "## {} {word}: {}

{unsigned}{repository}{} at {} · {} · {} · run `{}`{job}{policy}{requester}

",
        mark(word),
        inline(&facts.environment, 120),
        linked(&format!("pull request {}", facts.change.pr), &links.pull_request),
        linked(&commit, &links.commit),
        time::elapsed(facts.started, facts.finished),
        inline(&display::engine(facts), 100),
        facts.run,
    )
}

/// A text as a link, if there is an address. Addresses that passed `https` hold nothing that could end the link.
fn linked(text: &str, address: &Option<String>) -> String {
    address.as_ref().map_or_else(|| text.to_owned(), |address| format!("[{text}](<{address}>)"))
}

fn suites(suites: &[SuiteFact]) -> String {
    if suites.is_empty() {
        return "No suite ran.\n".into();
    }
    let mut table = String::from("| | suite | kind | cases | time |\n|---|---|---|---|---|\n");
    for suite in suites.iter().take(MOST_SUITES) {
        let word = display::suite_verdict(suite);
        let reason = suite.reason.as_ref().map(|r| format!(": {}", inline(r, 200))).unwrap_or_default();
        let (name, kind) = (inline(&suite.name, 60), display::suite_kind(suite.kind));
        let (count, took) = (CaseCounts::count(&suite.cases).summary(), time::elapsed(suite.started, suite.finished));
        table += &format!("| {} {word} | {name} | {kind} | {count}{reason} | {took} |\n", mark(word));
    }
    if suites.len() > MOST_SUITES {
        table += &format!("\nand {} more suites\n", suites.len() - MOST_SUITES);
    }
    let origins = suites.iter().take(MOST_SUITES).filter_map(|s| Some((s, display::origin(s)?)));
    let origins: String = origins.map(|(s, o)| format!("- {}: {}\n", inline(&s.name, 60), inline(&o, 2000))).collect();
    if !origins.is_empty() {
        table += &format!("\n{origins}");
    }
    let ignored = suites.iter().take(MOST_SUITES).flat_map(|s| s.ignored.iter().map(move |file| (s, file)));
    let ignored: String =
        ignored.map(|(s, file)| format!("- {}: ignored {}\n", inline(&s.name, 60), inline(file, 300))).collect();
    if !ignored.is_empty() {
        table += &format!("\n{ignored}");
    }
    table
}

fn unit(unit: &UnitFact) -> Option<String> {
    let why = unit.failure.as_ref()?;
    let mut piece = format!("- **{}**: {}\n", inline(&unit.name, 60), inline(why, 600));
    if !unit.last_log.is_empty() {
        piece += &format!(
            "\n<details><summary>Last log lines</summary>\n\n{}\n</details>\n\n",
            fenced(&excerpt::last(&unit.last_log, 2900), 3000)
        );
    }
    Some(piece)
}

fn case(suite: &SuiteFact, case: &CaseFact) -> String {
    let word = display::verdict(case.verdict);
    let id = inline(&case.id, 200);
    let name = if case.id.ends_with(&case.name) { String::new() } else { format!(" {}", inline(&case.name, 300)) };
    let mut piece = format!("#### {} {} / {id}{name}\n\n", mark(word), inline(&suite.name, 60));
    if let Some(at) = case.failures.iter().find_map(|f| f.source.as_ref()).or(case.source.as_ref()) {
        piece += &format!("at {}\n\n", inline(at, 300));
    }
    piece += &case.failures.iter().take(10).map(failure).collect::<String>();
    piece + &clues_of(case)
}

/// The likely cause, and what the environment logged.
fn clues_of(case: &CaseFact) -> String {
    let likely = clues::likely_cause(&case.clues).map(|text| format!("**Likely cause**: {}\n\n", inline(&text, 400)));
    let lines = clues::lines(&case.clues);
    let logs = (!lines.is_empty()).then(|| format!("Logs of the time:\n\n{}\n", fenced(&lines.join("\n"), 5000)));
    likely.unwrap_or_default() + &logs.unwrap_or_default()
}

fn failure(failure: &CaseFailure) -> String {
    let body = format!(
        "expected: {}\ngot:      {}",
        sanitize::block(&failure.expected, 1500),
        sanitize::block(&failure.got, 2500)
    );
    let step = inline(&failure.step, 300);
    let waited = display::waited(failure).map_or(String::new(), |waited| format!(" (waited {waited})"));
    let fence = fenced(&body, 4200);
    if body.lines().count() > 8 || body.len() > 800 {
        format!(
            "{step}{waited}: expected {}, got {}\n\n<details><summary>Full text</summary>\n\n{fence}\n</details>\n\n",
            inline(&failure.expected, 120),
            inline(&failure.got, 120)
        )
    } else {
        format!("{step}{waited}\n\n{fence}\n")
    }
}

fn flaky(suites: &[SuiteFact]) -> impl Iterator<Item = String> {
    let line = |s: &SuiteFact, c: &CaseFact| {
        format!("- {} / {}: {}\n", inline(&s.name, 60), inline(&c.id, 200), display::attempts(c))
    };
    suites.iter().flat_map(move |s| s.cases.iter().filter(|c| counts::is_flaky(c)).map(move |c| line(s, c)))
}

fn departure(of: &display::Departing<'_>) -> String {
    format!("- **{}** {}: {}\n", inline(&of.name, 70), inline(&of.departures, 400), inline(of.reason, 400))
}

fn mark(word: &str) -> &'static str {
    match word {
        "PASSED" | "passed" => "✅",
        "FAILED" | "ERROR" | "failed" => "❌",
        "skipped" => "➖",
        _ => "⚠️",
    }
}
