//! No writer's death loses or doubles an entry.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use dayfly::tlog::{Log, View};

const WRITER: &str = "DAYFLY_TEST_LOG_WRITER";
const KEY: [u8; 32] = [9; 32];

/// Not a test by itself: one of the writers of the next one. Appends until it is killed, and says what was acknowledged.
#[test]
fn a_writer_that_appends_until_it_is_killed() {
    let Ok(folder) = std::env::var(WRITER) else { return };
    let log = Log::open(Path::new(&folder), ed25519_dalek::SigningKey::from_bytes(&KEY)).unwrap();
    for n in 0_u64.. {
        let entry = format!("{}/{n}", std::process::id());
        let proofs = log.append(&[entry.clone().into_bytes()]).unwrap();
        println!("\nacknowledged {entry} {}", proofs[0].index);
    }
}

/// Two writers at once, each killed at a moment from a seed: nothing is lost, doubled or half-visible.
#[test]
fn loses_and_doubles_nothing_when_writers_are_killed() {
    let rounds: u64 = std::env::var("DAYFLY_TEST_LOG_KILLS").map_or(40, |n| n.parse().unwrap());
    let seed: u64 = std::env::var("DAYFLY_TEST_SEED").map_or(1, |n| n.parse().unwrap());
    println!("rounds {rounds}, seed {seed} (DAYFLY_TEST_LOG_KILLS, DAYFLY_TEST_SEED)");
    let work = tempfile::tempdir().unwrap();
    let log = Log::create(work.path(), "log.example/killed", ed25519_dalek::SigningKey::from_bytes(&KEY)).unwrap();
    let mut random = seed;
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    let mut before = View::open(work.path(), log.key()).unwrap().checkpoint().clone();
    for round in 0..rounds {
        let writers: Vec<_> = (0..2).map(|_| Writer::start(work.path())).collect();
        for writer in writers {
            // xorshift: the moments are those of the seed.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            acknowledged.extend(writer.kill_after(Duration::from_micros(random % 40_000)));
        }
        let view = View::open(work.path(), log.key()).unwrap();
        view.extends(&before).unwrap_or_else(|e| panic!("round {round}: {e}"));
        before = view.checkpoint().clone();
    }
    // Publishes what the last writers left behind.
    log.append(&[b"end".to_vec()]).unwrap();
    let mut entries = vec![];
    View::open(work.path(), log.key())
        .unwrap()
        .check(|_, e| entries.push(String::from_utf8(e.to_vec()).unwrap()))
        .unwrap();
    assert_eq!(entries.iter().collect::<BTreeSet<_>>().len(), entries.len(), "an entry is there twice");
    for (entry, index) in &acknowledged {
        assert_eq!(entries.get(usize::try_from(*index).unwrap()), Some(entry), "an acknowledged entry is lost");
    }
    println!("{} entries, {} acknowledged", entries.len(), acknowledged.len());
    assert!(acknowledged.len() as u64 > rounds, "the writers wrote too little for a judgement");
}

struct Writer {
    child: std::process::Child,
    said: mpsc::Receiver<String>,
}

impl Writer {
    fn start(log: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::a_writer_that_appends_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(WRITER, log)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (tell, said) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        Self { child, said }
    }

    /// Waits for the first acknowledgement and then for a while, kills the writer, and returns what was acknowledged.
    fn kill_after(mut self, while_it_writes: Duration) -> Vec<(String, u64)> {
        let read = |line: String| {
            let (entry, index) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
            Some((entry.to_owned(), index.parse().ok()?))
        };
        let mut all = vec![];
        while all.is_empty() {
            all.extend(self.said.recv_timeout(Duration::from_secs(90)).ok().map(read).expect("the writer writes"));
        }
        std::thread::sleep(while_it_writes);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        all.extend(self.said.iter().filter_map(read));
        all
    }
}
