//! A network of namespaces: a router in the middle, and on each of its links one site with a prefix of
//! its own. Everything has this process's id in its name and goes away when it is dropped.

use std::fs;
use std::fs::File;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The namespaces. Processes in them must have ended before this is dropped.
pub struct Network {
    sites: Vec<String>,
}

/// Whatever `ip netns exec NAME` shows a process below `/etc` is below `NETNS/NAME`.
const NETNS: &str = "/etc/netns";
const RUNNING: &str = "/run/netns";
const PREFIX: &str = "domicile";
pub const ROUTER: &str = "router";

impl Network {
    /// A router with forwarding and nobody to route for.
    pub fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "the packet-level proof makes network namespaces: run the tests as root"
        );
        remove_left_behind();
        let mut network = Self { sites: Vec::new() };
        network.namespace(ROUTER);
        network.run(ROUTER, "sysctl", &["-q", "-w", "net.ipv4.ip_forward=1"]);
        network
    }

    /// A site on a link of its own, `name` at the router's end. The router is `.1` of each /24 that
    /// the site has an address in, and its way to everybody.
    pub fn site(&mut self, name: &str, addresses: &[Ipv4Addr]) {
        self.namespace(name);
        let (here, there) = (full(ROUTER), full(name));
        let link = ["link", "add", name, "netns", &here, "type", "veth", "peer"];
        ip(&[&link[..], &["name", "eth0", "netns", &there]].concat());
        for address in addresses {
            let [a, b, c, _] = address.octets();
            let gateway = format!("{a}.{b}.{c}.1/24");
            ip(&["-n", &here, "addr", "add", &gateway, "dev", name]);
            let own = format!("{address}/24");
            ip(&["-n", &there, "addr", "add", &own, "dev", "eth0"]);
        }
        ip(&["-n", &here, "link", "set", name, "up"]);
        ip(&["-n", &there, "link", "set", "eth0", "up"]);
        let [a, b, c, _] = addresses[0].octets();
        let router = format!("{a}.{b}.{c}.1");
        ip(&["-n", &there, "route", "add", "default", "via", &router]);
    }

    /// Another address of a site, beside one that it has.
    pub fn also(&self, site: &str, address: Ipv4Addr) {
        let own = format!("{address}/24");
        ip(&["-n", &full(site), "addr", "add", &own, "dev", "eth0"]);
    }

    fn namespace(&mut self, name: &str) {
        ip(&["netns", "add", &full(name)]);
        self.sites.push(name.to_owned());
        ip(&["-n", &full(name), "link", "set", "lo", "up"]);
        fs::create_dir_all(etc(name)).unwrap();
    }

    /// What processes at a site find as `/etc/{file}`.
    pub fn write_etc(&self, site: &str, file: &str, text: &str) {
        fs::write(etc(site).join(file), text).unwrap();
    }

    /// The site's namespace, as `ip netns` knows it.
    pub fn name(&self, site: &str) -> String {
        full(site)
    }

    /// A command at a site, to be started. It does not outlive the thread that starts it, so nothing
    /// is left behind by a test that is killed.
    pub fn command(&self, site: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &full(site)]);
        command.args(["setpriv", "--pdeathsig", "KILL", program]);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command at a site, which succeeds, and gives what it printed.
    pub fn run(&self, site: &str, program: &str, arguments: &[&str]) -> String {
        let output = self.command(site, program).args(arguments).output();
        printed(program, &output.unwrap())
    }

    /// The same, with a text on its standard input.
    pub fn feed(&self, site: &str, program: &str, arguments: &[&str], text: &[u8]) -> String {
        let mut command = self.command(site, program);
        command.args(arguments).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(text).unwrap();
        drop(stdin);
        printed(program, &child.wait_with_output().unwrap())
    }
}

/// Does the work on a thread of its own that is at this site: its sockets are there.
pub fn at<T: Send>(site: &str, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter(site);
            work()
        });
        let done = thread.join();
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Moves this thread to a site, for as long as it lives.
pub fn enter(site: &str) {
    let file = File::open(Path::new(RUNNING).join(full(site))).unwrap();
    let network = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(file.as_fd(), network).unwrap();
}

impl Drop for Network {
    fn drop(&mut self) {
        for site in &self.sites {
            remove(&full(site));
        }
    }
}

fn full(site: &str) -> String {
    format!("{PREFIX}{}-{site}", std::process::id())
}

fn etc(site: &str) -> PathBuf {
    Path::new(NETNS).join(full(site))
}

/// Links go with their namespace.
fn remove(full: &str) {
    let _ = Command::new("ip").args(["netns", "del", full]).status();
    let _ = fs::remove_dir_all(Path::new(NETNS).join(full));
    // Only when nobody else has anything in it.
    let _ = fs::remove_dir(NETNS);
}

/// What a test that was killed could not remove: namespaces of processes that are no more.
fn remove_left_behind() {
    for entry in fs::read_dir(RUNNING).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.filter(|o| o.parse::<u32>().is_ok()) else {
            continue;
        };
        if !Path::new("/proc").join(owner).exists() {
            remove(&name);
        }
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output();
    let output = output.expect("is iproute2 installed?");
    printed(&arguments.join(" "), &output);
}

fn printed(what: &str, output: &std::process::Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{what}: {}: {error}",
        output.status
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}
