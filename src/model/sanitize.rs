//! Makes hostile text safe to print. Pure.

/// Replaces characters that move the cursor, hide or reorder text; line ends and tabs stay.
pub fn printable(text: &str) -> String {
    let mark = |c: char| if c == '\n' || c == '\t' || !is_invisible(c) { c } else { '\u{fffd}' };
    text.replace("\r\n", "\n").chars().map(mark).collect()
}

/// `printable` on one line of at most `most` characters; `…` marks a cut.
pub fn one_line(text: &str, most: usize) -> String {
    let line = printable(text).split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&line, most)
}

/// `printable`, cut to `most` characters, with the number of omitted ones.
pub fn block(text: &str, most: usize) -> String {
    let text = printable(text);
    let text = text.trim_end();
    let left = text.chars().count().saturating_sub(most);
    if left == 0 { text.to_owned() } else { format!("{} … and {left} more characters", cut(text, most)) }
}

/// Breaks up the commands that CI systems obey in a log, so that they show as text: GitHub's lines that begin with `::`,
/// and `##[`, `##vso[` and the like anywhere in a line.
pub fn without_ci_commands(text: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("::") {
        Some(rest) => format!("{}: :{rest}", &line[..line.len() - line.trim_start().len()]),
        None => line.to_owned(),
    };
    let lines = text.split('\n').map(line).collect::<Vec<_>>().join("\n");
    replace_bracket_commands(&lines, "## ")
}

/// Text for a terminal or a CI log, without any character that controls one and without commands of CI systems; line ends
/// and tabs stay. Escapes are those of JSON, so that a JSON text keeps its value: its strings hold all that is escaped.
pub fn inert(text: &str) -> String {
    escape(text, false)
}

/// `inert`, except that colours and weights (`ESC [ … m`) stay: for text that this program has styled itself.
pub fn inert_styled(text: &str) -> String {
    escape(text, true)
}

fn escape(text: &str, styled: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let mut rest = line.strip_suffix('\r').filter(|_| text.len() > line.len()).unwrap_or(line);
        // Nothing but white space and styles before it: the CI system takes the line for a command.
        let mut at_start = true;
        while let Some(c) = rest.chars().next() {
            if let Some(length) = style_length(rest).filter(|_| styled) {
                out.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            if at_start && rest.starts_with("::") {
                out.push_str(":\\u003a");
                rest = &rest[2..];
            } else {
                push_escaped(&mut out, c);
                rest = &rest[c.len_utf8()..];
            }
            at_start &= c.is_whitespace() || is_invisible(c);
        }
    }
    replace_bracket_commands(&out, "#\\u0023")
}

/// The length of a style (`ESC [ digits and semicolons m`) at the beginning of a text.
fn style_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

fn push_escaped(out: &mut String, c: char) {
    if c == '\t' || !is_invisible(c) {
        return out.push(c);
    }
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}

/// Replaces `##` where a word and `[` follow.
fn replace_bracket_commands(text: &str, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("##") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let word = from[2..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        out.push_str(if word.starts_with('[') { by } else { "#" });
        rest = &from[if word.starts_with('[') { 2 } else { 1 }..];
    }
    out + rest
}

/// Cuts to `most` characters; `…` marks a cut.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Control characters, and characters that change the text direction or have no width.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn breaks_up_ci_commands() {
        assert_eq!(
            without_ci_commands("a::b\n  ::error::x\n::\n##[group]y ##vso[z"),
            "a::b\n  : :error::x\n: :\n## [group]y ## vso[z"
        );
    }

    #[test]
    fn inert_text_has_no_control_characters_and_no_ci_commands() {
        assert_eq!(inert("a\tb\r\nc"), "a\tb\nc");
        assert_eq!(inert("a\u{1b}[2Jb\rc\u{9b}1m\u{202e}"), "a\\u001b[2Jb\\u000dc\\u009b1m\\u202e");
        assert_eq!(inert(" ::error::x\na::b\n\u{1b}::x"), " :\\u003aerror::x\na::b\n\\u001b:\\u003ax");
        assert_eq!(
            inert("x##[group] ##vso[task] ###[a] ## [b] #"),
            "x#\\u0023[group] #\\u0023vso[task] ##\\u0023[a] ## [b] #"
        );
        assert_eq!(inert("\u{e0041}"), "\\udb40\\udc41");
        assert_eq!(inert_styled("\u{1b}[1;31mx\u{1b}[0m\u{1b}[2J"), "\u{1b}[1;31mx\u{1b}[0m\\u001b[2J");
        assert_eq!(inert_styled(" \u{1b}[1m::error::"), " \u{1b}[1m:\\u003aerror::");
    }

    #[test]
    fn inert_json_keeps_its_value() {
        let value = serde_json::json!({"::a\u{9b}": "##[x] \u{202e}\u{e0041}\n::y"});
        for text in [value.to_string(), format!("{value:#}")] {
            let inert = inert(&text);
            assert!(!inert.contains("##["), "{inert}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&inert).unwrap(), value);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_stays_active(text in proptest::prelude::any::<String>(), hidden in "[\u{1b}\u{9b}\r\n:#\\[a-z \u{202e};m0-9]{0,40}") {
            for text in [inert(&text), inert(&hidden), inert(&format!("{hidden}{text}"))] {
                assert!(text.chars().all(|c| c == '\n' || c == '\t' || !is_invisible(c)), "{text:?}");
                assert!(text.lines().all(|l| !l.trim_start().starts_with("::")), "{text:?}");
                assert!(!text.contains("##["), "{text:?}");
                assert_eq!(inert(&text), text);
            }
        }
    }

    #[test]
    fn replaces_characters_that_move_the_cursor_or_change_the_direction() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc\td\u{202e}e\u{9b}x"), "a\u{fffd}[2Jb\nc\td\u{fffd}e\u{fffd}x");
        assert_eq!(one_line("  a\n\n b\u{7}  ", 10), "a b\u{fffd}");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(block("ééééé", 3), "éé… … and 2 more characters");
    }
}
