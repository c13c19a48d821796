//! Reads pages of open pull requests, and finds the next page. Pure.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::kind::ForgeKind;

/// GitHub's page size. A shorter page without a `Link` header is the last.
pub const GITHUB_PAGE_SIZE: usize = 100;

#[derive(Deserialize)]
struct Pull {
    number: u32,
    #[serde(default)]
    state: Option<String>,
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

/// The continuation after a page.
#[derive(Debug, PartialEq, Eq)]
pub enum NextPage {
    /// Nothing: it was the last.
    End,
    /// The page of this number.
    Number(usize),
    /// The page at this address.
    At(String),
}

/// Reads pages in order.
pub struct PageReader {
    kind: ForgeKind,
    numbers: BTreeSet<u32>,
    /// Numbers on the last page.
    last: Vec<u32>,
    pages: usize,
    /// The last page announced another.
    announced: bool,
}

impl PageReader {
    /// A reader before the first page.
    pub fn new(kind: ForgeKind) -> Self {
        Self { kind, numbers: BTreeSet::new(), last: vec![], pages: 0, announced: false }
    }

    /// The numbers read so far.
    pub fn numbers(&self) -> &BTreeSet<u32> {
        &self.numbers
    }

    /// The number of pages that were not empty.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Reads a page, with its `Link` header and the total number of pull requests, if the forge sends them.
    pub fn page(&mut self, body: &[u8], link: Option<&str>, total: Option<usize>) -> Result<NextPage, String> {
        let pulls: Vec<Pull> = serde_json::from_slice(body)
            .map_err(|e| format!("its answer is not a list of pull requests ({e}): check --forge and --forge-url"))?;
        let page: Vec<u32> = pulls.iter().map(|p| p.number).collect();
        if page.is_empty() && self.announced {
            return Err(format!("page {} is empty, although the page before announced it: try again", self.pages + 1));
        }
        if !page.is_empty() && page == self.last {
            return Err(format!("page {} is the same as the one before it", self.pages + 1));
        }
        self.numbers.extend(pulls.iter().filter(|p| p.state.as_deref().is_none_or(|s| s == "open")).map(|p| p.number));
        self.pages += usize::from(!page.is_empty());
        let next = self.next(page.len(), link, total)?;
        self.announced = next != NextPage::End && link.is_some();
        self.last = page;
        Ok(next)
    }

    fn next(&self, held: usize, link: Option<&str>, total: Option<usize>) -> Result<NextPage, String> {
        let number = NextPage::Number(self.pages + 1);
        let short = total.filter(|total| self.numbers.len() < *total);
        match (link.map(following), short) {
            (Some(Some(url)), _) if self.kind == ForgeKind::Github => Ok(NextPage::At(url)),
            (Some(Some(_)), _) => Ok(number),
            // The total is larger, and no page has the rest.
            (_, Some(total)) if held == 0 || link.is_some() => {
                Err(format!("it counts {total} open pull requests and lists {}: try again", self.numbers.len()))
            }
            (Some(None), _) => Ok(NextPage::End),
            (None, Some(_)) => Ok(number),
            (None, None) if total.is_some() || held == 0 => Ok(NextPage::End),
            (None, None) if self.kind == ForgeKind::Github && held < GITHUB_PAGE_SIZE => Ok(NextPage::End),
            // Gitea may send smaller pages than requested: only an empty page is the last.
            (None, None) => Ok(number),
        }
    }
}

/// The next page's address in a `Link` header.
fn following(link: &str) -> Option<String> {
    link.split(',').find_map(|part| {
        let (url, more) = part.trim().strip_prefix('<')?.split_once('>')?;
        let next = |p: &str| matches!(p.trim(), "rel=\"next\"" | "rel=next");
        more.split(';').any(next).then(|| url.to_owned())
    })
}

/// The message in an error response.
pub fn error_message(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<ErrorBody>(body).ok().map(|c| c.message).filter(|m| !m.is_empty())
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
    fn follows_githubs_link_header() {
        let mut reader = PageReader::new(ForgeKind::Github);
        assert_eq!(reader.page(&page(1..3), Some(NEXT), None), Ok(NextPage::At("https://h.test/a?page=3".into())));
        assert_eq!(reader.page(&page(3..4), Some("<https://h.test/a?page=1>; rel=\"first\""), None), Ok(NextPage::End));
        assert_eq!((reader.numbers().len(), reader.pages()), (3, 2));
    }

    #[test]
    fn a_full_page_without_a_link_is_not_the_last() {
        let mut reader = PageReader::new(ForgeKind::Github);
        assert_eq!(reader.page(&page(1..101), None, None), Ok(NextPage::Number(2)));
        assert_eq!(reader.page(&page(101..102), None, None), Ok(NextPage::End));
        let mut reader = PageReader::new(ForgeKind::Gitea);
        assert_eq!(reader.page(&page(1..31), None, None), Ok(NextPage::Number(2)));
        assert_eq!(reader.page(b"[]", None, None), Ok(NextPage::End));
    }

    #[test]
    fn the_total_must_be_complete() {
        let mut reader = PageReader::new(ForgeKind::Gitea);
        assert_eq!(reader.page(&page(1..31), None, Some(40)), Ok(NextPage::Number(2)));
        assert_eq!(reader.page(&page(31..41), None, Some(40)), Ok(NextPage::End));
        let mut reader = PageReader::new(ForgeKind::Gitea);
        reader.page(&page(1..31), None, Some(40)).unwrap();
        assert!(reader.page(b"[]", None, Some(40)).unwrap_err().contains("40 open pull requests and lists 30"));
        let last = Some("<https://h.test/a?page=1>; rel=\"prev\"");
        assert!(PageReader::new(ForgeKind::Gitea).page(&page(1..31), last, Some(40)).unwrap_err().contains("40 open"));
    }

    #[test]
    fn refuses_announced_empty_pages_and_repeated_pages() {
        let mut reader = PageReader::new(ForgeKind::Github);
        reader.page(&page(1..3), Some(NEXT), None).unwrap();
        assert!(reader.page(b"[]", None, None).unwrap_err().contains("empty"));
        let mut reader = PageReader::new(ForgeKind::Gitea);
        reader.page(&page(1..3), None, None).unwrap();
        assert!(reader.page(&page(1..3), None, None).unwrap_err().contains("the same"));
    }

    #[test]
    fn refuses_answers_that_are_not_lists() {
        for body in ["", "<html>", "{}", "[1]", "[{\"number\": -1}]", "[{\"number\": 1}", "null"] {
            assert!(PageReader::new(ForgeKind::Github).page(body.as_bytes(), None, None).is_err(), "{body}");
        }
    }

    #[test]
    fn ignores_closed_pull_requests_in_the_list() {
        let mut reader = PageReader::new(ForgeKind::Github);
        reader
            .page(br#"[{"number": 1, "state": "closed"}, {"number": 2, "state": "open"}, {"number": 3}]"#, None, None)
            .unwrap();
        assert_eq!(reader.numbers(), &BTreeSet::from([2, 3]));
    }
}
