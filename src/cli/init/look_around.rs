//! What a folder holds: a Compose file, files that build images, charts, and the forge of its repository.

use std::path::{Path, PathBuf};

use super::forge::Forge;
use crate::base::{Process, WorkingCopy};
use crate::file::read_regular;
use crate::model::sanitize::one_line;

/// Names of Compose files, the preferred first.
const COMPOSE: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
/// Names of files that build an image.
const BUILDS: [&str; 2] = ["Dockerfile", "Containerfile"];
/// Most folders that are looked into, and most services of a sketch.
const MAX_FOLDERS: usize = 200;
const MAX_BUILDS: usize = 20;
/// Longest path in a message, in characters.
const MAX_SHOWN: usize = 300;
/// Longest file that builds an image, in bytes.
const MAX_BUILD: u64 = 256 << 10;

/// A file that builds an image.
pub(super) struct Build {
    /// The file.
    pub(super) file: PathBuf,
    /// Name of its service: that of its folder.
    pub(super) name: String,
    /// The first port that it exposes.
    pub(super) port: Option<u16>,
}

/// What was found.
pub(super) struct Surroundings {
    pub(super) name: String,
    pub(super) compose: Option<PathBuf>,
    pub(super) builds: Vec<Build>,
    pub(super) forge: Option<Forge>,
    /// Path from the top of the repository to this folder, and from this folder to the top.
    pub(super) below: PathBuf,
    pub(super) top: PathBuf,
    pub(super) hints: Vec<String>,
}

/// Looks at a folder, and at the folders in it.
pub(super) fn look(folder: &Path) -> Surroundings {
    let full = folder.canonicalize().unwrap_or_default();
    let name = full.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let (below, top) = repository(&full);
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_file());
    let mut folders = vec![PathBuf::new()];
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_FOLDERS);
    let mut inner: Vec<PathBuf> = entries
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .map(|e| PathBuf::from(e.file_name()))
        .filter(|path| !path.to_string_lossy().starts_with('.'))
        .collect();
    inner.sort();
    folders.extend(inner);
    let mut builds = vec![];
    let mut hints = vec![];
    for inner in &folders {
        let found = BUILDS.iter().map(|file| inner.join(file)).find(|file| is_file(&folder.join(file)));
        if let Some(file) = found.filter(|_| builds.len() < MAX_BUILDS) {
            let of_folder = inner.file_name().map_or_else(|| name.clone(), |n| n.to_string_lossy().into_owned());
            builds.push(Build { port: exposed(&folder.join(&file)), name: of_folder, file });
        }
        if is_file(&folder.join(inner).join("Chart.yaml")) {
            hints.push(of_chart(inner));
        }
    }
    Surroundings {
        forge: forge(folder, &folder.join(&top)),
        compose: COMPOSE.iter().map(PathBuf::from).find(|file| is_file(&folder.join(file))),
        name,
        builds,
        below,
        top,
        hints,
    }
}

/// What to do about a chart in a folder.
fn of_chart(inner: &Path) -> String {
    let chart = if inner.as_os_str().is_empty() { ".".to_owned() } else { format!("./{}", inner.display()) };
    let shown = one_line(&chart, MAX_SHOWN);
    match shell_word(&chart).filter(|_| inner.to_str().is_some() && shown == chart) {
        Some(word) => format!(
            "{shown} is a Helm chart; a draft from it: helm template NAME {word} | dayfly import kubernetes - --out draft.yaml"
        ),
        None => format!("{shown} is a Helm chart; for a draft from it give its folder another name"),
    }
}

/// A text as one word of a shell; none if it has several lines.
fn shell_word(text: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let word = if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) };
    (!text.chars().any(char::is_control)).then_some(word)
}

/// The paths between a folder and the top of its repository; empty outside of one.
fn repository(full: &Path) -> (PathBuf, PathBuf) {
    let top = full.ancestors().find(|f| f.join(".git").symlink_metadata().is_ok());
    let below = top.and_then(|top| full.strip_prefix(top).ok()).map(Path::to_owned).unwrap_or_default();
    let up = below.components().map(|_| "..").collect();
    (below, up)
}

/// The forge of the remote `origin`; otherwise that whose files are there.
fn forge(folder: &Path, top: &Path) -> Option<Forge> {
    let process = Process {
        folder: std::env::current_dir().ok()?.join(folder),
        path: std::env::var_os("PATH").unwrap_or_default(),
    };
    let copy = WorkingCopy::remote_of(Path::new("environment.yaml"), &process);
    let remote = copy.unwrap_or_default().to_lowercase();
    let host = remote.split("://").last().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    match () {
        () if host.contains("github") => Some(Forge::Github),
        () if host.contains("gitlab") => Some(Forge::Gitlab),
        () if top.join(".github").is_dir() => Some(Forge::Github),
        () if top.join(".gitlab-ci.yml").is_file() => Some(Forge::Gitlab),
        () => None,
    }
}

/// The first port of `EXPOSE`.
fn exposed(file: &Path) -> Option<u16> {
    let text = String::from_utf8(read_regular(file, MAX_BUILD).ok()?).ok()?;
    let mut ports = text.lines().filter_map(|line| {
        let (word, rest) = line.trim().split_once(char::is_whitespace)?;
        word.eq_ignore_ascii_case("EXPOSE").then(|| rest.trim().split(['/', ' ', '\t']).next()?.parse().ok()).flatten()
    });
    ports.find(|port| *port > 0)
}
