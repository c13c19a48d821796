//! What a page of open pull requests holds, and whether another must follow. Pure.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::ForgeKind;

/// How many GitHub gives on a page when criteria for it; fewer, and no word of another page, are the last.
pub const OF_GITHUB: usize = 100;

#[derive(Deserialize)]
struct Pull {
    number: u32,
    #[serde(default)]
    state: Option<String>,
}

#[derive(Deserialize)]
struct Complaint {
    message: String,
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// That was all.
    End,
    /// The page of this number.
    Number(usize),
    /// The page at this address.
    At(String),
}

/// The pages read so far.
pub struct Seen {
    kind: ForgeKind,
    numbers: BTreeSet<u32>,
    /// What the last page held.
    last: Vec<u32>,
    pages: usize,
    /// The last page said that another follows.
    announced: bool,
}

impl Seen {
    /// None yet.
    pub fn new(kind: ForgeKind) -> Self {
        Self { kind, numbers: BTreeSet::new(), last: vec![], pages: 0, announced: false }
    }

    /// All numbers so far.
    pub fn numbers(&self) -> &BTreeSet<u32> {
        &self.numbers
    }

    /// How many pages held something.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Takes a page with its `Link` header and the number of all pull requests, where the forge says it.
    pub fn page(&mut self, body: &[u8], link: Option<&str>, total: Option<usize>) -> Result<Next, String> {
        let pulls: Vec<Pull> = serde_json::from_slice(body)
            .map_err(|e| format!("its answer is no list of pull requests ({e}): check --forge and --forge-url"))?;
        let page: Vec<u32> = pulls.iter().map(|p| p.number).collect();
        if page.is_empty() && self.announced {
            return Err(format!("page {} is empty, although one was announced: try again", self.pages + 1));
        }
        if !page.is_empty() && page == self.last {
            return Err(format!("page {} is the same as the one before it", self.pages + 1));
        }
        self.numbers.extend(pulls.iter().filter(|p| p.state.as_deref().is_none_or(|s| s == "open")).map(|p| p.number));
        self.pages += usize::from(!page.is_empty());
        let next = self.next(page.len(), link, total)?;
        self.announced = next != Next::End && link.is_some();
        self.last = page;
        Ok(next)
    }

    fn next(&self, held: usize, link: Option<&str>, total: Option<usize>) -> Result<Next, String> {
        let number = Next::Number(self.pages + 1);
        let short = total.filter(|total| self.numbers.len() < *total);
        match (link.map(following), short) {
            (Some(Some(url)), _) if self.kind == ForgeKind::Github => Ok(Next::At(url)),
            (Some(Some(_)), _) => Ok(number),
            // More are said to be there, and no page has them.
            (_, Some(total)) if held == 0 || link.is_some() => {
                Err(format!("it says that {total} are open and gives {}: try again", self.numbers.len()))
            }
            (Some(None), _) => Ok(Next::End),
            (None, Some(_)) => Ok(number),
            (None, None) if total.is_some() || held == 0 => Ok(Next::End),
            (None, None) if self.kind == ForgeKind::Github && held < OF_GITHUB => Ok(Next::End),
            // Gitea may give fewer than it is criteria for: only an empty page is an end.
            (None, None) => Ok(number),
        }
    }
}

/// The address of the next page in a `Link` header.
fn following(link: &str) -> Option<String> {
    link.split(',').find_map(|part| {
        let (url, more) = part.trim().strip_prefix('<')?.split_once('>')?;
        let next = |p: &str| matches!(p.trim(), "rel=\"next\"" | "rel=next");
        more.split(';').any(next).then(|| url.to_owned())
    })
}

/// What a forge says to a refusal.
pub fn complaint(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Complaint>(body).ok().map(|c| c.message).filter(|m| !m.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(numbers: std::ops::Range<u32>) -> Vec<u8> {
        let all: Vec<_> = numbers.map(|n| serde_json::json!({"number": n, "state": "open"})).collect();
        serde_json::to_vec(&all).unwrap()
    }

    const NEXT: &str = "<https://h.test/a?page=1>; rel=\"prev\", <https://h.test/a?page=3>; rel=\"next\"";

    #[test]
    fn github_says_where_the_next_page_is() {
        let mut seen = Seen::new(ForgeKind::Github);
        assert_eq!(seen.page(&page(1..3), Some(NEXT), None), Ok(Next::At("https://h.test/a?page=3".into())));
        assert_eq!(seen.page(&page(3..4), Some("<https://h.test/a?page=1>; rel=\"first\""), None), Ok(Next::End));
        assert_eq!((seen.numbers().len(), seen.pages()), (3, 2));
    }

    #[test]
    fn without_a_word_of_another_page_a_full_one_is_not_the_last() {
        let mut seen = Seen::new(ForgeKind::Github);
        assert_eq!(seen.page(&page(1..101), None, None), Ok(Next::Number(2)));
        assert_eq!(seen.page(&page(101..102), None, None), Ok(Next::End));
        let mut seen = Seen::new(ForgeKind::Gitea);
        assert_eq!(seen.page(&page(1..31), None, None), Ok(Next::Number(2)));
        assert_eq!(seen.page(b"[]", None, None), Ok(Next::End));
    }

    #[test]
    fn what_the_forge_counts_must_be_there() {
        let mut seen = Seen::new(ForgeKind::Gitea);
        assert_eq!(seen.page(&page(1..31), None, Some(40)), Ok(Next::Number(2)));
        assert_eq!(seen.page(&page(31..41), None, Some(40)), Ok(Next::End));
        let mut seen = Seen::new(ForgeKind::Gitea);
        seen.page(&page(1..31), None, Some(40)).unwrap();
        assert!(seen.page(b"[]", None, Some(40)).unwrap_err().contains("40 are open and gives 30"));
        let last = Some("<https://h.test/a?page=1>; rel=\"prev\"");
        assert!(Seen::new(ForgeKind::Gitea).page(&page(1..31), last, Some(40)).unwrap_err().contains("40 are open"));
    }

    #[test]
    fn pages_that_are_announced_and_empty_or_come_again_are_no_list() {
        let mut seen = Seen::new(ForgeKind::Github);
        seen.page(&page(1..3), Some(NEXT), None).unwrap();
        assert!(seen.page(b"[]", None, None).unwrap_err().contains("empty"));
        let mut seen = Seen::new(ForgeKind::Gitea);
        seen.page(&page(1..3), None, None).unwrap();
        assert!(seen.page(&page(1..3), None, None).unwrap_err().contains("the same"));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for body in ["", "<html>", "{}", "[1]", "[{\"number\": -1}]", "[{\"number\": 1}", "null"] {
            assert!(Seen::new(ForgeKind::Github).page(body.as_bytes(), None, None).is_err(), "{body}");
        }
    }

    #[test]
    fn closed_ones_that_a_forge_lists_all_the_same_are_not_open() {
        let mut seen = Seen::new(ForgeKind::Github);
        seen.page(br#"[{"number": 1, "state": "closed"}, {"number": 2, "state": "open"}, {"number": 3}]"#, None, None)
            .unwrap();
        assert_eq!(seen.numbers(), &BTreeSet::from([2, 3]));
    }
}
