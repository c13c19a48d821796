//! Opens the HTML report in a real browser: it renders, hostile names stay text, and it fetches nothing.
//!
//! Without Chromium these tests print SKIPPED and pass; with `DAYFLY_REQUIRE_CHROMIUM=1` they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod report_samples;

use dayfly::testing::{Requirement, skip};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use dayfly::model::Verdict;
use dayfly::report::facts::CaseFact;
use dayfly::report::{Facts, Format, render};
use report_samples as samples;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Hosts that Chromium contacts by itself; no report names them.
const OWN: [&str; 3] = [".google.com", ".googleapis.com", ".gvt1.com"];

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).flat_map(|dir| NAMES.map(|n| dir.join(n))).find(|p| p.is_file());
    if found.is_none() {
        skip(Requirement::Chromium, "none in PATH");
    }
    found
}

fn html(facts: &Facts) -> String {
    render(facts, Format::Html, false).unwrap()
}

/// A proxy that serves nothing and records all requests of the browser.
async fn listener() -> (u16, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, asked) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 2048];
            let size = stream.read(&mut head).await.unwrap_or(0);
            // A browser may connect to its proxy in advance, and ask for nothing.
            if size == 0 {
                continue;
            }
            tell.send(String::from_utf8_lossy(&head[..size]).lines().next().unwrap_or("").to_owned()).ok();
            stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.ok();
        }
    });
    (port, asked)
}

/// Opens the page with an action; also returns the requests to the network.
async fn browse(browser: &Path, page: &str, action: &str) -> (Output, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).unwrap();
    let (port, mut asked) = listener().await;
    let mut command = tokio::process::Command::new(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--disable-default-apps", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--proxy-server=http://127.0.0.1:{port}"))
        .arg("--proxy-bypass-list=<-loopback>")
        .arg(action)
        .arg(format!("file://{}", file.display()))
        .kill_on_drop(true);
    let output =
        tokio::time::timeout(Duration::from_secs(90), command.output()).await.expect("the browser ends").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (output, heard(port, &mut asked).await)
}

/// All that came before now: connections are served in their order, so ours is the last.
async fn heard(port: u16, asked: &mut UnboundedReceiver<String>) -> Vec<String> {
    let mut last = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    last.write_all(b"LAST\r\n").await.unwrap();
    let mut wanted = Vec::new();
    loop {
        match asked.recv().await.unwrap() {
            line if line == "LAST" => return wanted,
            line if OWN.iter().any(|host| line.contains(host)) => {}
            line => wanted.push(line),
        }
    }
}

async fn dom(browser: &Path, page: &str) -> (String, Vec<String>) {
    let (output, wanted) = browse(browser, page, "--dump-dom").await;
    (String::from_utf8(output.stdout).unwrap(), wanted)
}

#[tokio::test]
async fn shows_the_timeline_and_every_case() {
    let Some(browser) = chromium() else { return };
    let facts = samples::failed();
    let (dom, wanted) = dom(&browser, &html(&facts)).await;
    assert!(dom.contains("<title>FAILED: tsd-pr-42</title>"), "{}", &dom[..300]);
    assert_eq!(dom.matches("<svg class=\"bars\"").count(), facts.units.len() + facts.suites.len());
    assert_eq!(dom.matches("<rect class=\"start\" x=").count(), facts.units.len());
    for case in facts.suites.iter().flat_map(|s| &s.cases) {
        assert!(dom.contains(&format!("<span class=\"id\">{}</span>", case.id)), "{}", case.id);
    }
    assert_eq!(wanted, [""; 0]);
}

#[tokio::test]
async fn paints_the_page() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let shot = folder.path().join("page.png");
    browse(&browser, &html(&samples::passed()), &format!("--screenshot={}", shot.display())).await;
    let painted = std::fs::read(&shot).unwrap();
    let blank = folder.path().join("blank.png");
    browse(&browser, "<!DOCTYPE html>", &format!("--screenshot={}", blank.display())).await;
    let blank = std::fs::read(&blank).unwrap();
    assert!(
        painted.starts_with(b"\x89PNG") && painted.len() > 5 * blank.len(),
        "{} and {} bytes",
        painted.len(),
        blank.len()
    );
}

#[tokio::test]
async fn renders_hostile_names_as_text() {
    let Some(browser) = chromium() else { return };
    let (dom, wanted) = dom(&browser, &html(&samples::hostile())).await;
    for tag in ["<script", "<img", "<iframe", "<link", "<object"] {
        assert!(!dom.contains(tag), "{tag}: {}", &dom[dom.find(tag).unwrap()..][..200]);
    }
    assert!(dom.matches("&lt;script&gt;fetch('http://evil.example/x')").count() > 20);
    assert!(dom.contains("{{7*7}}"));
    assert_eq!(wanted, [""; 0]);
}

/// Injected markup fetches nothing under the policy. Without the policy it does: the positive control.
#[tokio::test]
async fn the_policy_blocks_all_fetches() {
    let Some(browser) = chromium() else { return };
    let evil = "<img src=\"http://evil.example/p.png\"><style>body{background:url(http://evil.example/b.png)}</style>\
                <script>fetch('http://evil.example/f')</script><link rel=stylesheet href=\"http://evil.example/s.css\"></body>";
    let page = html(&samples::passed()).replace("</body>", evil);
    let (_, wanted) = dom(&browser, &page).await;
    assert_eq!(wanted, [""; 0]);
    let policy = "<meta http-equiv=\"Content-Security-Policy\"";
    assert!(page.contains(policy));
    let (_, wanted) = dom(&browser, &page.replace(policy, "<meta name=\"no-policy\"")).await;
    for what in ["p.png", "b.png", "f ", "s.css"] {
        assert!(wanted.iter().any(|w| w.contains(&format!("evil.example/{what}"))), "{what}: {wanted:?}");
    }
}

#[test]
fn contains_no_external_references_and_no_scripts() {
    let refs = regex::Regex::new(
        r#"(?i)<[^>]*\s(src|srcset|href|xlink:href|data|action|poster|background)\s*=\s*["']?([^"'\s>]*)"#,
    )
    .unwrap();
    for (name, facts) in samples::all() {
        let page = html(&facts);
        assert!(page.contains(
            "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\""
        ));
        for found in refs.captures_iter(&page) {
            let is_link = found[2].starts_with("https://git.example.org/") && name != "hostile";
            assert!(
                found[1].eq_ignore_ascii_case("href") && (found[2].starts_with('#') || is_link),
                "{name}: {}",
                &found[0]
            );
        }
        let links = page.matches("<a href=\"https://").count();
        assert_eq!(page.matches("\" rel=\"noopener noreferrer\">").count(), links, "{name}");
        assert_eq!(links, if name == "hostile" { 0 } else { 4 }, "{name}");
        for never in ["<script", "url(", "@import", "javascript:", "<img", "<link", "<iframe"] {
            assert!(!page.to_lowercase().contains(never), "{name}: {never}");
        }
    }
}

#[tokio::test]
async fn opens_a_report_of_fifty_thousand_cases() {
    let mut facts = samples::passed();
    let case = facts.suites[0].cases[0].clone();
    facts.suites[0].cases = (0..50_000)
        .map(|i| CaseFact { id: format!("A{i}"), name: format!("a case of a large suite {i}"), ..case.clone() })
        .collect();
    facts.suites[0].cases[49_998].verdict = Some(Verdict::Failed);
    let page = html(&facts);
    assert!(page.len() < 8 << 20, "{} bytes", page.len());
    // A failed case is shown whole, wherever it stands.
    assert!(page.contains("48000 more cases, a line each") && page.contains("✓ A49999  a case of a large suite 49999"));
    assert!(page.contains("<span class=\"id\">A49998</span>") && page.contains("<span class=\"id\">A1998</span>"));
    let Some(browser) = chromium() else { return };
    let (dom, asked) = dom(&browser, &page).await;
    assert!(dom.contains("A49999") && asked.is_empty(), "{asked:?}");
}
