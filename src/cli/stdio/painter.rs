//! Rows that are redrawn in place below the lines of a terminal. Pure: it returns what to write.
//!
//! A row is cut to the width, so that it takes exactly one line, and what was drawn can be erased exactly. A terminal that
//! became narrower has broken the rows by then: each takes as many lines as its width needs.

use anstyle::Style;
use unicode_width::UnicodeWidthChar;

use crate::cli::terminal::{Charset, Look};
use crate::model::sanitize;

/// Erases the line of the cursor.
const ERASE: &str = "\x1b[2K";

/// Size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub width: usize,
    /// Lines.
    pub height: usize,
}

/// A line of styled parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(Vec<(Style, String)>);

impl Row {
    /// Adds a part without a style.
    pub fn text(self, text: &str) -> Self {
        self.styled(Style::new(), text)
    }

    /// Adds a part. Its text is foreign: it becomes one line that controls nothing.
    pub fn styled(mut self, style: Style, text: &str) -> Self {
        self.0.push((style, sanitize::inert(&text.replace(['\n', '\t'], " "))));
        self
    }

    /// The text without its styles.
    pub fn plain(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The row in at most `width` columns, and the number of columns that it takes.
    fn draw(&self, look: Look, width: usize) -> (String, usize) {
        let mut out = String::new();
        let mut used = 0;
        for (style, text) in &self.0 {
            // Terminals do not agree on the width of what joins other characters: without it, each column is counted once.
            let text: String = look.charset.convert(text).chars().filter(|c| columns_of(*c) > 0).collect();
            let (part, cut) = fit(&text, width - used, look.charset);
            used += columns(&part);
            if look.colour && *style != Style::new() {
                out.push_str(&format!("{style}{part}{style:#}"));
            } else {
                out.push_str(&part);
            }
            if cut {
                break;
            }
        }
        (out, used)
    }
}

fn columns_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The columns that a text takes, character by character.
fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The beginning of a text in at most `width` columns, with a mark if it was cut.
fn fit(text: &str, width: usize, charset: Charset) -> (String, bool) {
    if columns(text) <= width {
        return (text.to_owned(), false);
    }
    let mark = if charset == Charset::Unicode { "…" } else { "..." };
    let mark: String = mark.chars().take(width).collect();
    let mut room = width - columns(&mark);
    let fits = |c: &char| {
        let width = columns_of(*c);
        let fits = width <= room;
        room = room.saturating_sub(width);
        fits
    };
    let begin: String = text.chars().take_while(fits).collect();
    (begin + &mark, true)
}

/// The rows at the end of a terminal.
#[derive(Debug, Default)]
pub struct Painter {
    /// The columns that each drawn row takes.
    drawn: Vec<usize>,
    /// The height at the last paint.
    height: usize,
    /// Lines of rows that a lower terminal has pushed out of reach, and that come back when it becomes higher.
    pushed: usize,
}

impl Painter {
    /// Nothing is drawn yet.
    pub const fn new() -> Self {
        Self { drawn: vec![], height: 0, pushed: 0 }
    }

    /// Returns what replaces the drawn rows: `above`, which stays, and below it these rows.
    pub fn paint(&mut self, above: &str, rows: &[Row], look: Look, size: Size) -> String {
        let mut out = self.erase(size);
        if !above.is_empty() {
            // What was pushed is above this text from now on.
            self.pushed = 0;
        }
        out.push_str(above);
        if !above.is_empty() && !above.ends_with('\n') {
            out.push('\n');
        }
        // One line less than the terminal has: the cursor stands below the rows.
        self.height = size.height;
        let room = size.height.saturating_sub(1);
        for row in &rows[rows.len().saturating_sub(room)..] {
            let (text, width) = row.draw(look, size.width.saturating_sub(1));
            self.drawn.push(width);
            out.push_str(&text);
            out.push('\n');
        }
        out
    }

    /// Returns what erases the drawn rows, if there are any.
    pub fn erase(&mut self, size: Size) -> String {
        if self.drawn.is_empty() {
            return String::new();
        }
        let mut lines: usize = self.drawn.drain(..).map(|width| width.div_ceil(size.width.max(1)).max(1)).sum();
        let back = self.pushed.min(size.height.saturating_sub(self.height));
        self.pushed += lines.saturating_sub(size.height.saturating_sub(1));
        self.pushed -= back;
        lines += back;
        // Line by line: some terminals keep a screen that is cleared as a whole.
        format!("\r{ERASE}{}", format!("\x1b[A{ERASE}").repeat(lines))
    }

    /// Leaves the drawn rows where they are, as after another program has written below them.
    pub fn forget(&mut self) {
        self.drawn.clear();
    }
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;

    use super::*;

    const PLAIN: Look = Look { colour: false, charset: Charset::Unicode, live: true };
    const SIZE: Size = Size { width: 20, height: 5 };

    fn erased(lines: usize) -> String {
        format!("\r\x1b[2K{}", "\x1b[A\x1b[2K".repeat(lines))
    }

    fn row(text: &str) -> Row {
        Row::default().text(text)
    }

    #[test]
    fn erases_exactly_the_rows_that_it_drew() {
        let mut painter = Painter::new();
        assert_eq!(painter.paint("a\n", &[row("one"), row("two")], PLAIN, SIZE), "a\none\ntwo\n");
        assert_eq!(painter.paint("b", &[row("one")], PLAIN, SIZE), format!("{}b\none\n", erased(2)));
        assert_eq!(painter.erase(SIZE), erased(1));
        assert_eq!(painter.erase(SIZE), "");
    }

    #[test]
    fn erases_the_lines_of_rows_that_a_narrower_terminal_has_broken() {
        let mut painter = Painter::new();
        painter.paint("", &[row("1234567890123456789"), row("x")], PLAIN, SIZE);
        assert_eq!(painter.erase(Size { width: 7, height: 5 }), erased(4));
    }

    #[test]
    fn erases_rows_that_come_back_when_a_terminal_becomes_higher_again() {
        let rows: Vec<_> = (0..4).map(|n| row(&n.to_string())).collect();
        let low = Size { width: 20, height: 3 };
        for (above, lines) in [("", 4), ("printed", 2)] {
            let mut painter = Painter::new();
            painter.paint("", &rows, PLAIN, SIZE);
            // Two of four rows are out of reach.
            painter.paint(above, &rows, PLAIN, low);
            assert_eq!(painter.erase(SIZE), erased(lines), "{above:?}");
        }
    }

    #[test]
    fn counts_what_terminals_disagree_about_once_for_each_column() {
        for text in ["\u{2764}\u{fe0f}".repeat(150), "\u{644}\u{627}".repeat(75), "a\u{301}".repeat(40)] {
            let drawn = Painter::new().paint("", &[row(&text)], PLAIN, SIZE);
            assert_eq!(drawn.trim_end().chars().count(), SIZE.width - 1, "{drawn:?}");
        }
    }

    #[test]
    fn a_row_never_fills_the_last_column() {
        for (text, drawn) in [
            ("1234567890123456789", "1234567890123456789"),
            ("12345678901234567890", "123456789012345678…"),
            ("日本語日本語日本語日本語", "日本語日本語日本語…"),
        ] {
            assert_eq!(Painter::new().paint("", &[row(text)], PLAIN, SIZE), format!("{drawn}\n"));
        }
        let ascii = Look { charset: Charset::Ascii, ..PLAIN };
        assert_eq!(Painter::new().paint("", &[row("…12345678901234567890")], ascii, SIZE), "...1234567890123...\n");
        for width in 0..6 {
            for look in [PLAIN, ascii] {
                let drawn = Painter::new().paint("", &[row("123456789")], look, Size { width, height: 9 });
                assert!(columns(drawn.trim_end()) < width.max(1), "{width}: {drawn:?}");
            }
        }
    }

    #[test]
    fn shows_the_last_rows_when_the_terminal_is_too_low_for_all() {
        let rows: Vec<_> = (1..9).map(|n| row(&n.to_string())).collect();
        assert_eq!(Painter::new().paint("", &rows, PLAIN, SIZE), "5\n6\n7\n8\n");
        assert_eq!(Painter::new().paint("", &rows, PLAIN, Size { width: 20, height: 0 }), "");
    }

    #[test]
    fn styles_only_in_colour_and_cuts_without_them() {
        let row = Row::default().styled(AnsiColor::Red.on_default(), "12345678901234567890").text("more");
        let coloured = Look { colour: true, ..PLAIN };
        assert_eq!(
            Painter::new().paint("", std::slice::from_ref(&row), coloured, SIZE),
            "\x1b[31m123456789012345678…\x1b[0m\n"
        );
        assert_eq!(Painter::new().paint("", &[row], PLAIN, SIZE), "123456789012345678…\n");
    }

    #[test]
    fn foreign_text_neither_ends_the_row_nor_controls_the_terminal() {
        let row = Row::default().text("a\n\x1b[2Jb\tc\rd");
        assert_eq!(row.plain(), "a \\u001b[2Jb c\\u000dd");
    }
}
