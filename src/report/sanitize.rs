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

/// Breaks up workflow commands, so that a CI log shows them as text: GitHub obeys lines that begin with `::`, and `##[`
/// anywhere in a line.
pub fn without_ci_commands(text: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("::") {
        Some(rest) => format!("{}: :{rest}", &line[..line.len() - line.trim_start().len()]),
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n").replace("##[", "## [")
}

fn cut(text: &str, most: usize) -> String {
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
    use super::*;

    #[test]
    fn breaks_up_ci_commands() {
        assert_eq!(without_ci_commands("a::b\n  ::error::x\n::\n##[group]y"), "a::b\n  : :error::x\n: :\n## [group]y");
    }

    #[test]
    fn replaces_characters_that_move_the_cursor_or_change_the_direction() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc\td\u{202e}e\u{9b}x"), "a\u{fffd}[2Jb\nc\td\u{fffd}e\u{fffd}x");
        assert_eq!(one_line("  a\n\n b\u{7}  ", 10), "a b\u{fffd}");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(block("ééééé", 3), "éé… … and 2 more characters");
    }
}
