//! Lists beside the advisories: known exploited vulnerabilities, exploit prediction scores, popular names. Pure.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use crate::advisories::bundle::ListFacts;
use crate::model::sanitize;
use crate::packages::{Ecosystem, MAX_NAME};

/// Longest list in bytes, decompressed.
pub const MAX_LIST: u64 = 256 << 20;
/// Most popular names.
const MAX_POPULAR: usize = 50_000;

/// CISA's catalogue of known exploited vulnerabilities, as JSON.
#[derive(Debug, Default)]
pub struct Kev {
    /// Ids.
    pub ids: BTreeSet<String>,
    /// Size and date.
    pub facts: Option<ListFacts>,
}

/// FIRST's exploit prediction scores, as CSV.
#[derive(Debug, Default)]
pub struct Epss {
    /// Scores by id.
    pub scores: HashMap<String, f32>,
    /// Size and date.
    pub facts: Option<ListFacts>,
}

/// Popular names of an ecosystem, most popular first.
#[derive(Debug)]
pub struct NamedList {
    /// Normalised names.
    pub names: Vec<String>,
    /// Size and date.
    pub facts: ListFacts,
}

impl Kev {
    /// Parses the catalogue.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Catalogue {
            #[serde(default)]
            date_released: Option<String>,
            vulnerabilities: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            #[serde(rename = "cveID")]
            id: String,
        }
        let read: Catalogue = serde_json::from_slice(bytes).map_err(|e| format!("it is not CISA's catalogue: {e}"))?;
        let ids: BTreeSet<String> = read.vulnerabilities.into_iter().map(|e| e.id).collect();
        Ok(Self { facts: facts(ids.len(), read.date_released.as_deref())?, ids })
    }
}

impl Epss {
    /// Parses the scores: a comment with the date, a header, and `id,score,percentile` in each line.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")?;
        let date = text.lines().next().and_then(|l| l.strip_prefix('#')?.split("score_date:").nth(1));
        let rows =
            text.lines().enumerate().filter(|(_, l)| !l.starts_with('#') && !l.starts_with("cve,") && !l.is_empty());
        let mut scores = HashMap::new();
        for (number, row) in rows {
            let mut cells = row.split(',');
            let id = cells.next().filter(|id| id.starts_with("CVE-"));
            let score = cells.next().and_then(|s| s.trim().parse::<f32>().ok()).filter(|s| (0.0..=1.0).contains(s));
            let (Some(id), Some(score)) = (id, score) else {
                return Err(format!("line {}: expected `CVE-…,score,percentile`", number + 1));
            };
            scores.insert(id.to_owned(), score);
        }
        Ok(Self { facts: facts(scores.len(), date)?, scores })
    }
}

impl NamedList {
    /// Parses a list of names: `{"last_update", "rows": [{"project"}]}` (top-pypi-packages), a JSON list, or one in each line.
    pub fn parse(ecosystem: &Ecosystem, bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Json {
            Rows { last_update: Option<String>, rows: Vec<Row> },
            Names(Vec<String>),
        }
        #[derive(Deserialize)]
        struct Row {
            project: String,
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")?;
        let (date, names) = if text.trim_start().starts_with(['{', '[']) {
            match serde_json::from_str(text).map_err(|_| "expected rows with `project`, or a list of names")? {
                Json::Rows { last_update, rows } => (last_update, rows.into_iter().map(|r| r.project).collect()),
                Json::Names(names) => (None, names),
            }
        } else {
            let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
            (None, lines.map(str::to_owned).collect::<Vec<_>>())
        };
        let is_name = |n: &String| !n.is_empty() && n.len() <= MAX_NAME && n.bytes().all(|b| b.is_ascii_graphic());
        if let Some(wrong) = names.iter().find(|n| !is_name(n)) {
            return Err(format!("{:?} is not the name of a package", sanitize::cut(wrong, 60)));
        }
        let names: Vec<String> = names.iter().take(MAX_POPULAR).map(|n| ecosystem.normalise(n)).collect();
        let facts = facts(names.len(), date.as_deref())?.ok_or("it is empty")?;
        Ok(Self { names, facts })
    }
}

/// An empty list is an error: nobody imports one on purpose.
fn facts(entries: usize, date: Option<&str>) -> Result<Option<ListFacts>, String> {
    if entries == 0 {
        return Err("it is empty".into());
    }
    Ok(Some(ListFacts { entries, date: date.map(|d| sanitize::one_line(d, 40)) }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_the_catalogue_of_exploited_vulnerabilities() {
        let kev =
            Kev::parse(br#"{"dateReleased":"2026-11-01T00:00:00Z","vulnerabilities":[{"cveID":"CVE-2024-1","x":1}]}"#);
        let kev = kev.unwrap();
        assert!(kev.ids.contains("CVE-2024-1"));
        assert_eq!(kev.facts.unwrap().date.unwrap(), "2026-11-01T00:00:00Z");
        assert!(Kev::parse(b"{\"vulnerabilities\":[]}").unwrap_err().contains("empty"));
        assert!(Kev::parse(b"[]").unwrap_err().contains("CISA"));
    }

    #[test]
    fn reads_scores_with_their_date() {
        let text =
            "#model_version:v2025.03.14,score_date:2026-11-01T00:00:00Z\ncve,epss,percentile\nCVE-2024-1,0.5,0.9\n";
        let epss = Epss::parse(text.as_bytes()).unwrap();
        assert_eq!(epss.scores["CVE-2024-1"], 0.5);
        assert_eq!(epss.facts.unwrap().date.unwrap(), "2026-11-01T00:00:00Z");
        assert!(Epss::parse(b"CVE-1,7,0").unwrap_err().contains("line 1"));
        assert!(Epss::parse(b"# nothing\n").unwrap_err().contains("empty"));
    }

    #[test]
    fn reads_popular_names_in_three_forms() {
        let pypi = Ecosystem::pypi();
        for text in [
            r#"{"last_update":"2026-11-01","rows":[{"project":"Flask_X","n":1}]}"#,
            r#"["flask.x"]"#,
            "# top\nFlask-X\n",
        ] {
            assert_eq!(NamedList::parse(&pypi, text.as_bytes()).unwrap().names, ["flask-x"]);
        }
        for wrong in ["", "[]", "a b", "{}", "\u{1b}[2J"] {
            assert!(NamedList::parse(&pypi, wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
