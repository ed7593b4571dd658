//! Tokens that no builder makes: every field of the content is free.

use access_token::{Expected, Fault, Policy, Verified, verify, wire};

pub const APP_ID: &str = "970CA35de60c44645bbae8a215061b33";
pub const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
pub const OTHER_CERTIFICATE: &str = "0123456789abcdef0123456789abcdef";
pub const ISSUED: u32 = 1_760_000_000;
pub const NOW: u64 = 1_760_000_600;
pub const HOUR: u32 = 3600;
pub const DAY: u32 = 86_400;

pub const EXPECTED: Expected<'static> = Expected {
    app_id: APP_ID,
    certificates: &[CERTIFICATE],
};

/// The parts of a content; `services` are packed already.
#[derive(Clone)]
pub struct Raw {
    pub app_id: Vec<u8>,
    pub issued_at: u32,
    pub expire: u32,
    pub salt: u32,
    /// The count that is written down; `None` tells the truth.
    pub count: Option<u16>,
    pub services: Vec<Vec<u8>>,
    pub trailing: Vec<u8>,
}

impl Raw {
    pub fn of(services: Vec<Vec<u8>>) -> Raw {
        let (app_id, trailing) = (APP_ID.as_bytes().to_vec(), Vec::new());
        Raw {
            app_id,
            issued_at: ISSUED,
            expire: HOUR,
            salt: 7,
            count: None,
            services,
            trailing,
        }
    }

    pub fn alice() -> Raw {
        Raw::of(vec![chat(&[(1, HOUR)], "alice")])
    }

    pub fn signing_info(&self) -> Vec<u8> {
        let mut info = string(&self.app_id);
        for field in [self.issued_at, self.expire, self.salt] {
            info.extend(field.to_le_bytes());
        }
        info.extend(
            self.count
                .unwrap_or(self.services.len() as u16)
                .to_le_bytes(),
        );
        info.extend(self.services.concat());
        info.extend(&self.trailing);
        info
    }

    pub fn content(&self) -> Vec<u8> {
        let info = self.signing_info();
        let signature = wire::sign(CERTIFICATE, self.issued_at, self.salt, &info);
        [string(&signature), info].concat()
    }

    pub fn token(&self) -> String {
        wire::seal(&self.content())
    }

    pub fn verify_at(&self, now: u64) -> Result<Verified, Fault> {
        verify(&self.token(), &EXPECTED, now, &Policy::default())
    }
}

pub fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_le_bytes(), bytes].concat()
}

/// A service's type and privileges; what the type adds comes after it.
pub fn service(kind: u16, privileges: &[(u16, u32)]) -> Vec<u8> {
    let mut out = [kind.to_le_bytes(), (privileges.len() as u16).to_le_bytes()].concat();
    for (key, value) in privileges {
        out.extend(key.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out
}

pub fn chat(privileges: &[(u16, u32)], user_id: &str) -> Vec<u8> {
    [service(5, privileges), string(user_id.as_bytes())].concat()
}
