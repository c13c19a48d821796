//! Escapes hostile text in Markdown.

use crate::model::sanitize;

/// Punctuation without meaning in Markdown.
const HARMLESS: [char; 5] = [',', '\'', ';', '/', '?'];

/// Escapes one line of text. A word joiner after the marks of GitHub and GitLab references (people, issues) disables
/// them.
pub fn inline(text: &str, most: usize) -> String {
    let line = sanitize::one_line(text, most);
    let mut out = String::with_capacity(line.len() * 2);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_punctuation() && !HARMLESS.contains(&c) {
            out.push('\\');
        }
        out.push(c);
        if matches!(c, '@' | '#' | '!' | '$' | '%' | '~' | '&' | '^' | '*')
            && chars.peek().is_some_and(|n| n.is_alphanumeric() || *n == '"')
        {
            out.push('\u{2060}');
        }
    }
    out
}

/// A code block whose fence is longer than any run of backticks inside.
pub(super) fn fenced(text: &str, most: usize) -> String {
    let text = sanitize::block(text, most);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_markup_mentions_and_links() {
        assert_eq!(
            inline("<b>@ops #1 [x](http://y) |", 99),
            "\\<b\\>\\@\u{2060}ops \\#\u{2060}1 \\[x\\]\\(http\\://y\\) \\|"
        );
        assert_eq!(inline("a\n\n# b", 99), "a \\# b");
        assert_eq!(fenced("x\n````\n</details>", 99), "`````text\nx\n````\n</details>\n`````\n");
    }

    proptest! {
        #[test]
        fn escapes_all_punctuation(text in "\\PC{0,60}") {
            let out = inline(&text, 200);
            let mut escaped = false;
            for c in out.chars() {
                if escaped { escaped = false; continue; }
                prop_assert!(!c.is_ascii_punctuation() || c == '\\' || HARMLESS.contains(&c), "{}", out);
                escaped = c == '\\';
            }
            prop_assert!(!out.contains('\n'));
        }
    }
}
