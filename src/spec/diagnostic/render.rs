//! Draws diagnostics with an excerpt of the description, a caret and what to do.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Diagnostics, Severity};
use crate::model::sanitize;
use crate::spec::span::Lines;

/// Lines longer than this are not shown.
const LONGEST_LINE: usize = 400;

impl Diagnostics {
    /// Draws every diagnostic with its excerpt, and the summary line; ends with a line break.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let file = sanitize::printable(&self.file.display().to_string());
        let lines = Lines::new(&self.source);
        let mut out = String::new();
        for diagnostic in &self.list {
            // Keys and values come from the description; the renderer makes only its excerpts printable.
            let diagnostic = Diagnostic {
                message: sanitize::printable(&diagnostic.message),
                help: sanitize::printable(&diagnostic.help),
                path: sanitize::printable(&diagnostic.path),
                file: diagnostic.file.as_deref().map(sanitize::printable),
                ..diagnostic.clone()
            };
            let file = diagnostic.file.as_ref().unwrap_or(&file);
            out.push_str(&renderer.render(&[draw(&diagnostic, file, &self.source, &lines)]));
            out.push_str("\n\n");
        }
        if self.omitted > 0 {
            out.push_str(&format!("… and {} more that are not shown\n\n", self.omitted));
        }
        out.push_str(&format!("{self}\n"));
        out
    }
}

fn draw<'a>(diagnostic: &'a Diagnostic, file: &'a str, source: &'a str, lines: &Lines<'_>) -> Group<'a> {
    let level = if diagnostic.severity == Severity::Warning { Level::WARNING } else { Level::ERROR };
    let title = level.primary_title(diagnostic.message.as_str());
    let group = match (&diagnostic.mark, diagnostic.line, diagnostic.column) {
        (Some(mark), Some(line), Some(column)) => match excerpt(diagnostic, mark, source, lines) {
            Some(snippet) => title.element(snippet.path(file)),
            None => title.element(Origin::path(file).line(line).char_column(column)),
        },
        _ if diagnostic.path.is_empty() => title.element(Origin::path(file)),
        _ => title.element(Origin::path(diagnostic.path.as_str())),
    };
    if diagnostic.help.is_empty() { group } else { group.element(Level::HELP.message(diagnostic.help.as_str())) }
}

type Excerpt<'a> = Snippet<'a, annotate_snippets::Annotation<'a>>;

/// Only the lines from the first to the last mark are handed on: drawing takes time by the length of its source.
fn excerpt<'a>(
    diagnostic: &'a Diagnostic,
    mark: &Range<usize>,
    source: &'a str,
    lines: &Lines<'_>,
) -> Option<Excerpt<'a>> {
    let first = lines.line(mark.start);
    let other = diagnostic.also.as_ref().map(|also| (&also.mark, &also.label, lines.line(also.mark.start)));
    let other = other.filter(|(_, _, line)| line.len() <= LONGEST_LINE && first.start.abs_diff(line.start) < 20_000);
    if first.len() > LONGEST_LINE || source.is_empty() {
        return None;
    }
    let start = other.as_ref().map_or(first.start, |(_, _, l)| l.start.min(first.start));
    let end = other.as_ref().map_or(first.end, |(_, _, l)| l.end.max(first.end));
    let span = |m: &Range<usize>, line: &Range<usize>| {
        let from = m.start.clamp(line.start, line.end);
        from - start..m.end.clamp(from, line.end) - start
    };
    let snippet = Snippet::source(source.get(start..end)?).line_start(lines.position(start).0);
    let snippet = snippet.annotation(AnnotationKind::Primary.span(span(mark, &first)));
    Some(match &other {
        Some((m, label, line)) => snippet.annotation(AnnotationKind::Context.span(span(m, line)).label(label.as_str())),
        None => snippet,
    })
}
