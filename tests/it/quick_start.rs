//! The commands of the quick start, the admin guide and the README, run as they stand there, against what the pages show.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::harness::pages::{Block, blocks, page};

#[test]
fn the_quick_start_prints_what_it_shows() {
    prints_what_it_shows("docs/quick-start.md");
}

#[test]
fn the_admin_guide_prints_what_it_shows() {
    prints_what_it_shows("docs/admin-guide.md");
}

/// What a page shows is what comes: each block in order, in one shell.
fn prints_what_it_shows(name: &str) {
    let home = Home::new();
    let shown = blocks(&page(name));
    let steps = steps(&shown);
    assert!(steps.len() > 15, "{} steps", steps.len());
    let printed = home.run(&steps);
    for (step, printed) in steps.iter().zip(&printed) {
        let shown = home.ports.moved(&step.shown);
        assert!(
            matches(&shown, printed),
            "{}\n-- shows --\n{shown}\n-- prints --\n{printed}\n-- the gateway's log --\n{}",
            step.command,
            home.log()
        );
    }
}

/// The README's one demo, and a test command that is there.
#[test]
fn the_readmes_commands_are_there() {
    let readme = blocks(&page("README.md"));
    let commands: Vec<&str> = readme
        .iter()
        .filter(|block| block.is_shell())
        .flat_map(|block| block.text.lines())
        .map(|line| line.split('#').next().unwrap().trim())
        .collect();
    assert_eq!(commands, ["cargo run -- demo", "scripts/test"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/test");
    let mode = fs::metadata(script).unwrap().permissions().mode();
    assert_ne!(mode & 0o111, 0, "scripts/test is not executable");
    let home = Home::new();
    let demo = Step {
        command: format!(
            "{} > tour.txt & DEMO=$!\nuntil [ -s tour.txt ]; do sleep 1; done\n\
             kill $DEMO; wait $DEMO && head -1 tour.txt",
            commands[0]
        ),
        shown: String::new(),
    };
    let printed = home.run(&[demo]);
    assert_eq!(printed, ["Four regions are running on this machine:\n"]);
}

/// The Chinese pages have the same commands, in the same order, and show the same answers.
#[test]
fn translations_have_the_same_code() {
    for name in ["README", "docs/quick-start"] {
        let english = blocks(&page(&format!("{name}.md")));
        let chinese = blocks(&page(&format!("{name}.zh-CN.md")));
        assert!(!english.is_empty(), "{name}");
        for (english, chinese) in english.iter().zip(&chinese) {
            assert_eq!(english, chinese, "{name}");
        }
        assert_eq!(english.len(), chinese.len(), "{name}");
    }
}

#[test]
fn an_ellipsis_stands_for_some_of_a_line_and_no_more() {
    assert!(matches("a …\nb", "a 1\nb"));
    assert!(matches(
        "{…\"code\":\"x\",…}",
        "{\"a\":1,\"code\":\"x\",\"b\":2}"
    ));
    assert!(!matches("a …\nb", "a 1\nc"));
    assert!(!matches("a …", "a 1\nb"));
    assert!(!matches("{…\"code\":\"x\"…}", "{\"code\":\"y\"}"));
    assert!(!matches("b", "a b"));
}

/// A command and what the page says that it prints.
struct Step {
    command: String,
    shown: String,
}

fn steps(blocks: &[Block]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks {
        if block.is_shell() {
            steps.push(Step {
                command: block.text.clone(),
                shown: String::new(),
            });
        } else {
            let step = steps.last_mut().unwrap();
            assert_eq!(step.shown, "", "two outputs of one command");
            step.shown.clone_from(&block.text);
        }
    }
    steps
}

/// A clone, as far as a newcomer needs it, in a folder that goes away.
struct Home {
    folder: tempfile::TempDir,
    ports: Ports,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("target/debug");
        fs::create_dir_all(&bin).unwrap();
        let binary = env!("CARGO_BIN_EXE_domicile");
        let ports = Ports::free();
        executable(&folder.path().join("tools/cargo"), CARGO);
        // A newcomer has the demo's ports free; here they may be taken.
        let demo = format!(
            "#!/bin/sh\n[ \"$1\" = demo ] && set -- \"$@\" --port {}\nexec '{binary}' \"$@\"\n",
            ports.demo
        );
        executable(&bin.join("domicile"), &demo);
        Self { folder, ports }
    }

    /// What each step prints, errors included.
    fn run(&self, steps: &[Step]) -> Vec<String> {
        let script = self.script(steps);
        let output = Command::new("timeout")
            .args([
                "--kill-after",
                "10",
                "300",
                "bash",
                &script.display().to_string(),
            ])
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("NO_PROXY", "*")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{}\n{printed}\n{}",
            output.status,
            self.log()
        );
        let printed: Vec<_> = printed.split(MARK).map(str::to_owned).collect();
        assert_eq!(printed.len(), steps.len());
        printed
    }

    fn script(&self, steps: &[Step]) -> PathBuf {
        let commands: Vec<_> = steps
            .iter()
            .map(|step| self.ports.moved(&step.command))
            .collect();
        let tools = self.folder.path().join("tools");
        let text = format!(
            "exec 2>&1\nexport PATH=\"{}:$PATH\"\nset -eo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{}\n",
            tools.display(),
            commands.join(&format!("\nprintf '%s' '{MARK}'\n"))
        );
        let script = self.folder.path().join("script.sh");
        fs::write(&script, text).unwrap();
        script
    }

    fn log(&self) -> String {
        let log = self.folder.path().join("domicile-try/gateway.log");
        fs::read_to_string(log).unwrap_or_default()
    }
}

/// The build has been made by whoever runs this test: another one would replace the binary under
/// the tests beside this one.
const CARGO: &str = "#!/bin/sh\n\
    [ \"$*\" = 'build --locked' ] && exit 0\n\
    [ \"$1 $2\" = 'run --' ] && shift 2 && exec target/debug/domicile \"$@\"\n\
    echo \"no such command in the pages: cargo $*\" >&2\nexit 1\n";

const MARK: &str = "\u{1}next\u{1}";

fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The pages' ports, and those that are free here.
struct Ports {
    demo: u16,
    pairs: Vec<(String, String)>,
    /// Held as long as they are used, so that nobody else takes them for free.
    _claim: TcpListener,
}

impl Ports {
    fn free() -> Self {
        let mut bases = (0..HUNDREDS).map(|_| FIRST + 100 * next_hundred());
        let claimed = bases.find_map(|base| {
            let claim = TcpListener::bind(("127.0.0.1", base + 99)).ok()?;
            let ports = Self::from(base);
            let free = ports.iter().all(|(_, port)| is_free(*port));
            free.then_some((base, claim))
        });
        let (demo, claim) = claimed.expect("there are free ports");
        let pairs = Self::from(demo).into_iter();
        let pairs = pairs.map(|(page, here)| (format!(":{page}"), format!(":{here}")));
        Self {
            demo,
            pairs: pairs.collect(),
            _claim: claim,
        }
    }

    /// The demo's on this base, and those of part 2 behind them.
    fn from(base: u16) -> Vec<(u16, u16)> {
        let demo = (0..4).flat_map(|tens| (1..=4).map(move |region| 10 * tens + region));
        let demo = demo.map(|offset| (7400 + offset, base + offset));
        let own = OWN.into_iter().zip(base + 50..);
        demo.chain(own).collect()
    }

    /// A page's text with the ports of here.
    fn moved(&self, text: &str) -> String {
        let places = self.pairs.iter().enumerate();
        let held = places.fold(text.to_owned(), |text, (place, (page, _))| {
            text.replace(page, &format!("\u{2}{place}\u{2}"))
        });
        let places = self.pairs.iter().enumerate();
        places.fold(held, |text, (place, (_, here))| {
            text.replace(&format!("\u{2}{place}\u{2}"), here)
        })
    }
}

/// Below the ports that systems give to whoever asks for any: nothing else that runs meanwhile gets
/// them, although they are used only later.
const FIRST: u16 = 12_000;
const HUNDREDS: u16 = 180;

/// Another one for each asker, and mostly for each process.
fn next_hundred() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % u32::from(HUNDREDS)).unwrap();
    (process + NEXT.fetch_add(1, Ordering::Relaxed)) % HUNDREDS
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// The ports of part 2.
const OWN: [u16; 7] = [8443, 6717, 9443, 9090, 8080, 8081, 8082];

/// Whether the lines are those, where `…` stands for anything.
fn matches(shown: &str, printed: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        text.trim_end()
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    let (shown, printed) = (lines(shown), lines(printed));
    shown.len() == printed.len() && shown.iter().zip(&printed).all(|(s, p)| line(s, p))
}

fn line(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut left) = printed.strip_prefix(first) else {
        return false;
    };
    let rest: Vec<&str> = parts.collect();
    let Some((last, between)) = rest.split_last() else {
        return left.is_empty();
    };
    for part in between {
        let Some((_, behind)) = left.split_once(part) else {
            return false;
        };
        left = behind;
    }
    left.ends_with(last)
}
