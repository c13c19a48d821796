//! Splits a command line into words as a shell does, without expanding anything. Pure.

/// The words; none if a quotation does not end.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut open) = (vec![], None::<String>, None::<char>);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (Some(quote), c) if c == quote => open = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (Some(_), '\\') => {
                let next = chars.next()?;
                if !matches!(next, '"' | '\\' | '$' | '`') {
                    word.get_or_insert_default().push('\\');
                }
                word.get_or_insert_default().push(next);
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                open = Some(c);
            }
            (None, '\\') => match chars.next()? {
                '\n' => {}
                next => word.get_or_insert_default().push(next),
            },
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    open.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_a_shell_does() {
        let words = |text: &str| split(text).map(|words| words.join("|"));
        assert_eq!(words(r#"sh -c "a 'b' \"c\"" d\ e ''"#).as_deref(), Some(r#"sh|-c|a 'b' "c"|d e|"#));
        assert_eq!(words("a \\\n  b\n").as_deref(), Some("a|b"));
        assert_eq!(words("a 'b"), None);
    }
}
