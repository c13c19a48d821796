//! How text is shown on a stream: in colour, in Unicode, redrawn in place. Pure.

use std::collections::BTreeMap;

/// How text is shown on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colours and weights are shown.
    pub colour: bool,
    /// The characters that can be shown.
    pub charset: Charset,
    /// Lines can be redrawn in place.
    pub live: bool,
}

/// The characters that a stream shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// All of them.
    Unicode,
    /// dayfly's own marks in ASCII, and the text of others as it is: a pipe whose reader is unknown.
    AsciiMarks,
    /// Nothing but ASCII.
    Ascii,
}

/// The look of a stream, from the process environment and from whether it is a terminal.
///
/// The variables are those of <https://no-color.org>, <https://bixense.com/clicolors> and POSIX.
pub fn look(variables: &BTreeMap<String, String>, terminal: bool) -> Look {
    let get = |name: &str| variables.get(name).map(String::as_str).filter(|v| !v.is_empty());
    let moves = terminal && get("TERM").is_some_and(|t| t != "dumb");
    let colour = if get("NO_COLOR").is_some() {
        false
    } else if get("CLICOLOR_FORCE").is_some_and(|v| v != "0") {
        true
    } else {
        moves && get("CLICOLOR") != Some("0")
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(get).unwrap_or("C").to_lowercase();
    let charset = match (locale.contains("utf-8") || locale.contains("utf8"), terminal) {
        (true, _) => Charset::Unicode,
        (false, false) => Charset::AsciiMarks,
        (false, true) => Charset::Ascii,
    };
    Look { colour, charset, live: moves }
}

impl Charset {
    /// Returns the text in these characters: marks become similar ones, and others the escapes of JSON.
    pub fn convert(self, text: &str) -> String {
        if self == Self::Unicode || text.is_ascii() {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                c if c.is_ascii() => out.push(c),
                '✓' => out.push('+'),
                '✗' => out.push('x'),
                '…' => out.push_str("..."),
                '·' | '–' | '—' | '─' => out.push('-'),
                '→' => out.push_str("->"),
                c if self == Self::AsciiMarks => out.push(c),
                c => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: (&str, &str) = ("LANG", "en_US.UTF-8");
    const XTERM: (&str, &str) = ("TERM", "xterm");

    fn seen(variables: &[(&str, &str)], terminal: bool) -> (bool, Charset, bool) {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let look = look(&variables, terminal);
        (look.colour, look.charset, look.live)
    }

    #[test]
    fn the_variables_decide_as_their_conventions_say() {
        use Charset::{Ascii, AsciiMarks, Unicode};
        for (variables, terminal, expected) in [
            (&[UTF8, XTERM][..], true, (true, Unicode, true)),
            (&[UTF8, XTERM], false, (false, Unicode, false)),
            (&[UTF8, XTERM, ("NO_COLOR", "1")], true, (false, Unicode, true)),
            (&[UTF8, XTERM, ("NO_COLOR", "")], true, (true, Unicode, true)),
            (&[UTF8, XTERM, ("CLICOLOR", "0")], true, (false, Unicode, true)),
            (&[UTF8, ("CLICOLOR_FORCE", "1")], false, (true, Unicode, false)),
            (&[UTF8, ("CLICOLOR_FORCE", "0")], false, (false, Unicode, false)),
            (&[UTF8, ("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false, (false, Unicode, false)),
            (&[UTF8, ("TERM", "dumb")], true, (false, Unicode, false)),
            (&[UTF8], true, (false, Unicode, false)),
            (&[XTERM], true, (true, Ascii, true)),
            (&[XTERM], false, (false, AsciiMarks, false)),
            (&[XTERM, UTF8, ("LC_ALL", "C")], true, (true, Ascii, true)),
            (&[XTERM, UTF8, ("LC_ALL", "POSIX")], true, (true, Ascii, true)),
            (&[XTERM, UTF8, ("LC_ALL", "")], true, (true, Unicode, true)),
            (&[XTERM, UTF8, ("LC_CTYPE", "nb_NO.ISO-8859-1")], true, (true, Ascii, true)),
            (&[XTERM, ("LC_ALL", "C.utf8")], true, (true, Unicode, true)),
        ] {
            assert_eq!(seen(variables, terminal), expected, "{variables:?} {terminal}");
        }
    }

    #[test]
    fn marks_and_foreign_text_are_told_in_the_characters_of_the_stream() {
        let text = "✓ Åse · 1… \u{1f600}";
        assert_eq!(Charset::Unicode.convert(text), text);
        assert_eq!(Charset::AsciiMarks.convert(text), "+ Åse - 1... \u{1f600}");
        assert_eq!(Charset::Ascii.convert(text), "+ \\u00c5se - 1... \\ud83d\\ude00");
    }
}
