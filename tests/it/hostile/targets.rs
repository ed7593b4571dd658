//! Request targets from a seed: real routes, with up to five mutations each.

use http::Method;

/// An endless row of methods and targets, the same for the same seed.
pub struct Targets(u64);

const ROUTES: &[(&str, &str)] = &[
    ("GET", "/acme/chat/users/bob"),
    ("GET", "/acme/chat/users"),
    ("GET", "/other/app/users/bob"),
    ("GET", "/acme/chat/users/bob/joined_chatgroups"),
    ("GET", "/acme/chat/users/eve/joined_chatrooms"),
    ("GET", "/acme/chat/users/bob/contacts/users"),
    ("POST", "/acme/chat/users/bob/contacts/users/eve"),
    ("GET", "/acme/chat/sdk/users/bob/token/expires"),
    ("GET", "/acme/chat/metadata/user/bob"),
    ("PUT", "/acme/chat/metadata/user/bob"),
    ("GET", "/api/sdk/v1/acme/chat/users/bob"),
    ("GET", "/api/sdk/v1/other/app/chatgroups/1"),
    ("POST", "/acme/chat/messages/users"),
    ("POST", "/acme/chat/messages/chatgroups"),
    ("POST", "/acme/chat/messages/chatrooms"),
    ("GET", "/acme/chat/chatmessages/2026112312"),
    ("GET", "/acme/chat/chatgroups/1/users"),
    ("DELETE", "/acme/chat/chatgroups/1/users/bob"),
    ("GET", "/acme/chat/chatrooms"),
    ("GET", "/acme/chat/chatfiles/0b5a?chat-type=groupChat"),
    ("POST", "/acme/chat/chatfiles?chat-type=chat&x=1"),
    ("POST", "/acme/chat/token"),
    ("HEAD", "/acme/chat/users/bob"),
    ("PATCH", "/acme/chat/rtc_mapper/batch"),
    ("GET", "/nobody/knows/users/bob"),
];

/// What parsers disagree about, put in anywhere.
const PIECES: &[&str] = &[
    "/",
    "//",
    ".",
    "..",
    "/../",
    "/./",
    "%2e",
    "%2E%2e",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    ";",
    ";x=1",
    "%3b",
    "%00",
    "%0d%0a",
    "%20",
    "+",
    "%",
    "%4",
    "%zz",
    "%25",
    "%252f",
    "%252e%252e",
    "%c0%af",
    "%c0%ae",
    "%ed%a0%80",
    "%ff",
    "%e7%94%a8",
    "%EF%BC%8E",
    "%EF%BC%8F",
    "%C2%85",
    "?",
    "&",
    "=",
    "#",
    "?chat-type=chatroom",
    "&chat-type=chat",
    "&chat%2Dtype=",
    "@",
    ":",
    "*",
    "%23",
    "%3f",
    "api",
    "sdk/v1/",
    "/acme/chat",
    "/other/app",
    "..;/",
    "..%00/",
    "%2e%2e%2f",
    "\u{fffd}",
    "~",
    "\"",
    "{",
    "|",
    "^",
    "<",
    "\t",
    "http://",
    "//rest.frankfurt.test",
];

impl Targets {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `splitmix64`
    fn random(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % below.max(1) as u64).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random(of.len())]
    }

    fn mutated(&mut self, target: &mut Vec<u8>) {
        let at = self.random(target.len() + 1);
        match self.random(12) {
            0..=3 => self.encode(target, false),
            4 => self.encode(target, true),
            5..=6 => {
                let piece = self.one(PIECES);
                target.splice(at..at, piece.bytes());
            }
            7 => {
                let piece = self.one(PIECES);
                target.extend_from_slice(piece.as_bytes());
            }
            8 => self.change_case(target),
            9 => self.move_segment(target),
            10 => {
                target.truncate(at.max(1));
            }
            _ => {
                let prefix = self.one(&[
                    "/api/sdk/v1",
                    "http://rest.frankfurt.test",
                    "/api",
                    "//",
                    "/.",
                ]);
                target.splice(0..0, prefix.bytes());
            }
        }
    }

    /// One byte as `%XX`, or `%25XX`.
    fn encode(&mut self, target: &mut Vec<u8>, twice: bool) {
        let at = self.random(target.len());
        let Some(&byte) = target.get(at).filter(|byte| **byte != b'/') else {
            return;
        };
        let percent = if twice { "%25" } else { "%" };
        let encoded = match self.random(2) {
            0 => format!("{percent}{byte:02x}"),
            _ => format!("{percent}{byte:02X}"),
        };
        target.splice(at..=at, encoded.bytes());
    }

    fn change_case(&mut self, target: &mut [u8]) {
        let at = self.random(target.len());
        if let Some(byte) = target.get_mut(at).filter(|byte| byte.is_ascii_alphabetic()) {
            *byte ^= 0x20;
        }
    }

    /// A segment is lost, doubled, or changes places with the next one.
    fn move_segment(&mut self, target: &mut Vec<u8>) {
        let mut segments: Vec<Vec<u8>> = target.split(|b| *b == b'/').map(<[u8]>::to_vec).collect();
        let at = self.random(segments.len());
        match self.random(3) {
            0 => drop(segments.remove(at)),
            1 => segments.insert(at, segments[at].clone()),
            _ if at + 1 < segments.len() => segments.swap(at, at + 1),
            _ => {}
        }
        *target = segments.join(&b'/');
    }
}

impl Iterator for Targets {
    type Item = (Method, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let (method, target) = self.one(ROUTES);
        let mut target = target.as_bytes().to_vec();
        for _ in 0..self.random(6) {
            self.mutated(&mut target);
        }
        // An empty target makes another request line; that is another test's.
        if target.is_empty() {
            target.push(b'*');
        }
        Some((method.parse().ok()?, target))
    }
}
