//! The name that was probably meant.

/// The candidate most like `name`, if one is alike enough.
pub fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    all_near(name, candidates).into_iter().next()
}

/// The candidates that are alike enough, the most alike first.
pub fn all_near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if name.is_empty() || name.len() > 64 {
        return Vec::new();
    }
    let wanted = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    let distance = |c: &str| strsim::damerau_levenshtein(&wanted, &c.to_lowercase());
    let alike = candidates.into_iter().filter(|c| c.len() <= 64).take(500).map(|c| (distance(c), c));
    let mut alike: Vec<(usize, &str)> = alike.filter(|(d, _)| *d <= limit).collect();
    alike.sort_unstable();
    alike.into_iter().map(|(_, c)| c).collect()
}

/// Help for an unknown name: the one that was probably meant, or all that there are.
pub fn known<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = candidates.into_iter().take(500).collect();
    if let Some(meant) = near(name, all.iter().copied()) {
        return format!("did you mean `{meant}`?");
    }
    match all.len() {
        0 => "none is declared".to_owned(),
        n if n > 20 => format!("known are: `{}` and {} more", all[..20].join("`, `"), n - 20),
        _ => format!("known are: `{}`", all.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_near_names() {
        let names = ["pg-data", "pg-iam", "mq"];
        assert_eq!(near("pgdata", names), Some("pg-data"));
        assert_eq!(near("PG-IAM", names), Some("pg-iam"));
        assert_eq!(near("qm", names), Some("mq"));
        assert_eq!(near("survey", names), None);
        assert_eq!(all_near("pg-dta", ["pg-iam", "pg-date", "pg-data"]), ["pg-data", "pg-date"]);
        assert_eq!(known("survey", names), "known are: `pg-data`, `pg-iam`, `mq`");
        assert_eq!(known("survey", []), "none is declared");
    }
}
