//! Lines of YAML. Pure.

use crate::import::scalar::{block, comment, quoted};

/// Lines at their depths.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) text: String,
    pub(super) questions: usize,
}

impl Lines {
    pub(super) fn line(&mut self, depth: usize, text: &str) {
        self.text.push_str(&"  ".repeat(depth));
        self.text.push_str(text);
        self.text.push('\n');
    }

    pub(super) fn ask(&mut self, depth: usize, question: &str) {
        self.questions += 1;
        self.line(depth, &format!("# question: {}", comment(question)));
    }

    pub(super) fn list(&mut self, depth: usize, key: &str, items: &[String]) {
        if !items.is_empty() {
            let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
            self.line(depth, &format!("{key}: [{}]", items.join(", ")));
        }
    }

    /// A text of any form as the value of a key.
    pub(super) fn text(&mut self, depth: usize, key: &str, text: &str) {
        match block(text) {
            Some((mark, lines)) => {
                self.line(depth, &format!("{key}: {mark}"));
                for line in lines {
                    if line.is_empty() { self.text.push('\n') } else { self.line(depth + 1, line) }
                }
            }
            None => self.line(depth, &format!("{key}: {}", quoted(text))),
        }
    }
}
