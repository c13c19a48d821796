//! A real terminal: tmux, with a server of its own for each test.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dayfly::testing::{Requirement, skip};

/// Longest time that a test waits for a text.
const LIMIT: Duration = Duration::from_secs(120);
/// Pause between two looks at the screen.
const PAUSE: Duration = Duration::from_millis(20);

/// Returns true if there is a terminal. Without one the test is skipped and counted, unless it is required.
pub fn is_there() -> bool {
    let found = Command::new("tmux").arg("-V").output().is_ok_and(|o| o.status.success());
    if !found {
        skip(Requirement::Tmux, "none in PATH");
    }
    found
}

/// A terminal in which one command runs.
pub struct Terminal {
    server: String,
}

impl Terminal {
    /// Starts a command in a terminal of this size. After its end the terminal shows its exit code.
    pub fn start(command: &Command, width: usize, height: usize) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let terminal = Self { server: format!("dayfly-test-{}-{count}", std::process::id()) };
        let quote = |text: &std::ffi::OsStr| format!("'{}'", text.to_string_lossy().replace('\'', "'\\''"));
        let mut words = vec!["env".to_owned()];
        // Neither of the machine's settings of a terminal counts, nor those of a CI job.
        for name in
            ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "LC_ALL", "LC_CTYPE", "CI", "GITHUB_ACTIONS", "GITLAB_CI"]
        {
            words.push(format!("-u {name}"));
        }
        words.push("LANG=C.UTF-8".into());
        let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        words.extend(variables.map(|(name, value)| format!("{}={}", quote(name), quote(value))));
        words.push(quote(command.get_program()));
        words.extend(command.get_args().map(quote));
        // The shell itself must outlive Ctrl-C.
        let line = format!("trap : INT; {}; echo \"exit code $?\"; exec cat", words.join(" "));
        let folder = command.get_current_dir().unwrap_or(Path::new("/"));
        let (width, height) = (width.to_string(), height.to_string());
        let size = ["-x", width.as_str(), "-y", height.as_str()];
        let started = Command::new("tmux")
            .args(["-u", "-L", &terminal.server, "-f", "/dev/null", "new-session", "-d"])
            .args(size)
            .arg("-c")
            .arg(folder)
            .args(["sh", "-c", &line])
            .env("LANG", "C.UTF-8")
            .output()
            .unwrap();
        assert!(started.status.success(), "{started:?}");
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        let all = [&["-u", "-L", &self.server][..], arguments].concat();
        Command::new("tmux").args(all).env("LANG", "C.UTF-8").output().unwrap()
    }

    fn capture(&self, more: &[&str]) -> String {
        String::from_utf8(self.tmux(&[&["capture-pane", "-p"][..], more].concat()).stdout).unwrap()
    }

    /// What the terminal shows.
    pub fn screen(&self) -> String {
        self.capture(&[])
    }

    /// What the terminal shows, with its styles.
    pub fn styled(&self) -> String {
        self.capture(&["-e"])
    }

    /// Everything since the beginning, long lines in one piece.
    pub fn history(&self) -> String {
        self.capture(&["-J", "-S", "-"])
    }

    /// Waits until the screen is as it should be; returns it. A look may fall between two writes of the command.
    #[track_caller]
    pub fn until_screen(&self, wanted: &str, is_so: impl Fn(&str) -> bool) -> String {
        self.until_view(wanted, || self.screen(), is_so)
    }

    /// Waits until the history is as it should be; returns it.
    #[track_caller]
    pub fn until_history(&self, wanted: &str, is_so: impl Fn(&str) -> bool) -> String {
        self.until_view(wanted, || self.history(), is_so)
    }

    #[track_caller]
    fn until_view(&self, wanted: &str, view: impl Fn() -> String, is_so: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let seen = view();
            if is_so(&seen) {
                return seen;
            }
            // After its end nothing changes any more.
            let ended = self.history().contains("\nexit code ");
            let over = begin.elapsed() > LIMIT || (ended && !is_so(&view()));
            assert!(!over, "{wanted}: never; instead:\n{}", self.history());
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until the screen shows a text; returns the screen.
    #[track_caller]
    pub fn until(&self, text: &str) -> String {
        self.until_screen(text, |screen| screen.contains(text))
    }

    /// Changes the size.
    pub fn resize(&self, width: usize, height: usize) {
        let done = self.tmux(&["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]);
        assert!(done.status.success(), "{done:?}");
    }

    /// Presses a key, such as `C-c`.
    pub fn press(&self, key: &str) {
        let done = self.tmux(&["send-keys", key]);
        assert!(done.status.success(), "{done:?}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
