//! Routing keys and binding keys, as RabbitMQ compares them. Pure.

/// Returns true if a binding key of a topic exchange matches a routing key: `*` is one word, `#` any number of words.
pub fn topic_matches(pattern: &str, key: &str) -> bool {
    let key = words(key);
    // `reached[i]` says that the pattern so far can match the first `i` words.
    let mut reached = vec![false; key.len() + 1];
    reached[0] = true;
    for word in words(pattern) {
        reached = match word {
            "#" => {
                let first = reached.iter().position(|r| *r).unwrap_or(reached.len());
                (0..reached.len()).map(|i| i >= first).collect()
            }
            _ => {
                let fits = |i: usize| word == "*" || key.get(i) == Some(&word);
                (0..reached.len()).map(|i| i > 0 && reached[i - 1] && fits(i - 1)).collect()
            }
        };
    }
    reached.last().copied().unwrap_or(false)
}

/// The first word of a binding key that holds `*` or `#` together with other characters, which makes it an ordinary word.
pub fn blunted_wildcard(pattern: &str) -> Option<&str> {
    words(pattern).into_iter().find(|word| word.len() > 1 && word.contains(['*', '#']))
}

/// Returns true if a binding key has wildcards, which only topic exchanges know.
pub fn has_wildcard(pattern: &str) -> bool {
    words(pattern).into_iter().any(|word| matches!(word, "*" | "#"))
}

/// The empty key has no words.
fn words(key: &str) -> Vec<&str> {
    if key.is_empty() { Vec::new() } else { key.split('.').collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matches_words_as_rabbitmq_does() {
        for (pattern, key, expected) in [
            ("k.v1.#", "k.v1.p11.files", true),
            ("k.v1.#", "k.v1", true),
            ("k.v1.*", "k.v1", false),
            ("k.*.files", "k.v1.files", true),
            ("k.*.files", "k.v1.p11.files", false),
            ("#.files", "files", true),
            ("#.a.#.b.#", "x.a.y.b", true),
            ("#.a.#.b.#", "x.b.y.a", false),
            ("#", "", true),
            ("*", "", false),
            ("", "", true),
            ("", "k", false),
            ("k.v1", "k.v1", true),
            ("k..v", "k..v", true),
        ] {
            assert_eq!(topic_matches(pattern, key), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn a_wildcard_inside_a_word_is_no_wildcard() {
        assert_eq!(blunted_wildcard("k.v1#"), Some("v1#"));
        assert_eq!(blunted_wildcard("k.*.#"), None);
    }

    proptest! {
        #[test]
        fn a_key_without_wildcards_matches_itself_alone(a in "[a-c](\\.[a-c]){0,4}", b in "[a-c](\\.[a-c]){0,4}") {
            prop_assert_eq!(topic_matches(&a, &b), a == b);
            prop_assert!(topic_matches("#", &a));
        }
    }
}
