//! Frames made from a string of bytes that serves as chance. Also used by the fuzzer.

use msync::schema::message_body::{Content, content};
use msync::schema::{
    CommNotice, CommSyncDl, CommSyncUl, CommUnreadDl, Jid, KeyValue, Logout, MSync, MessageBody,
    Meta, MetaQueue, MucBody, Provision, RedirectInfo, RosterBody, StatisticsBody, Status,
};
use prost::Message;

/// Where the choices come from; when it is used up, every choice is the first.
pub struct Chance<'a>(pub &'a [u8]);

const TEXTS: [&str; 8] = [
    "",
    "acme#chat",
    "acme#blog",
    "easemob.com",
    "conference.easemob.com",
    "alice",
    "grüße",
    r#"{"token":"$t$x"}"#,
];

impl Chance<'_> {
    fn below(&mut self, count: u8) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first % count
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(3) > 0).then(|| make(self))
    }

    fn rarely<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(12) == 11).then(|| make(self))
    }

    fn several<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> String {
        TEXTS[usize::from(self.below(8))].to_owned()
    }

    fn key(&mut self) -> String {
        TEXTS[usize::from(1 + self.below(8) / 7)].to_owned()
    }

    fn number(&mut self) -> u64 {
        [0, 1, 127, 1 << 20, 1 << 41, u64::MAX][usize::from(self.below(6))]
    }

    fn kind(&mut self, count: u8) -> i32 {
        i32::from(self.below(count)) - i32::from(self.below(16) == 15)
    }

    fn jid(&mut self) -> Jid {
        Jid {
            app_key: self.maybe(Self::key),
            name: self.maybe(Self::text),
            domain: self.maybe(Self::text),
            client_resource: self.maybe(Self::text),
        }
    }

    /// A whole frame.
    pub fn frame(&mut self) -> Vec<u8> {
        let (command, payload) = match self.below(8) {
            0 => (3, self.provision().encode_to_vec()),
            1 => (1, self.unread().encode_to_vec()),
            2 => (
                2,
                CommNotice {
                    queue: self.maybe(Self::jid),
                }
                .encode_to_vec(),
            ),
            3 => (4, self.logout().encode_to_vec()),
            4 | 5 => (0, self.sync_dl().encode_to_vec()),
            _ => (0, self.sync_ul().encode_to_vec()),
        };
        self.envelope(command, payload).encode_to_vec()
    }

    fn envelope(&mut self, command: i32, payload: Vec<u8>) -> MSync {
        MSync {
            version: self.maybe(|_| 0),
            guid: self.maybe(Self::jid),
            auth: self.maybe(Self::text),
            compress_algorithm: self.rarely(|it| it.number() as u32),
            crypto: self.rarely(|it| it.number() as u32),
            user_agent: self.maybe(Self::text),
            pov: self.maybe(Self::number),
            command: Some(if self.below(64) == 63 { 9 } else { command }),
            payload: Some(payload).filter(|_| self.below(32) != 31),
            device_id: self.maybe(|it| it.number() as u32),
            encrypt_type: self.several(|it| it.kind(3)),
            encrypt_key: self.rarely(Self::text),
            tag: self.rarely(|it| it.text().into()),
            iv: self.rarely(|it| it.text().into()),
            trace_id: self.maybe(Self::number),
        }
    }

    fn status(&mut self) -> Status {
        let info = |it: &mut Self| RedirectInfo {
            host: it.maybe(Self::text),
            port: Some(443),
        };
        Status {
            error_code: self.maybe(|it| it.kind(20)),
            reason: self.maybe(Self::text),
            redirect_info: self.rarely(|it| it.several(info)).unwrap_or_default(),
        }
    }

    fn provision(&mut self) -> Provision {
        Provision {
            version: self.maybe(Self::text),
            compress_type: self.several(|it| it.kind(3)),
            encrypt_type: self.several(|it| it.kind(3)),
            encrypt_key: self.rarely(Self::text),
            status: self.maybe(Self::status),
            device_uuid: self.maybe(Self::text),
            is_manual_login: self.maybe(|it| it.below(2) == 1),
            password: self.maybe(Self::text),
            resource: self.maybe(Self::text),
            auth: self.maybe(Self::text),
            app_id: self.maybe(Self::text),
            auth_token: self.maybe(Self::text),
            session_id: self.maybe(Self::text),
            protocol_compress_type: self.several(|it| it.kind(3)),
            protocol_compress_direction: self.rarely(|it| it.kind(3)),
            ntp_key: self.maybe(|it| it.text().into()),
            ..Provision::default()
        }
    }

    fn logout(&mut self) -> Logout {
        Logout {
            session_id: self.maybe(Self::text),
            reason: self.maybe(Self::text),
            status: self.maybe(Self::status),
        }
    }

    fn unread(&mut self) -> CommUnreadDl {
        let queue = |it: &mut Self| MetaQueue {
            queue: it.maybe(Self::jid),
            n: Some(3),
        };
        CommUnreadDl {
            status: self.maybe(Self::status),
            unread: self.several(queue),
            timestamp: self.maybe(Self::number),
        }
    }

    fn sync_ul(&mut self) -> CommSyncUl {
        CommSyncUl {
            meta: self.maybe(Self::meta),
            key: self.maybe(Self::number),
            queue: self.maybe(Self::jid),
            is_roam: self.maybe(|it| it.below(2) == 1),
            ..CommSyncUl::default()
        }
    }

    fn sync_dl(&mut self) -> CommSyncDl {
        CommSyncDl {
            status: self.maybe(Self::status),
            meta_id: self.maybe(Self::number),
            metas: self.several(Self::meta),
            next_key: self.maybe(Self::number),
            queue: self.maybe(Self::jid),
            ..CommSyncDl::default()
        }
    }

    fn meta(&mut self) -> Meta {
        let ns = self.kind(6);
        let payload = match ns {
            0 => StatisticsBody {
                operation: self.maybe(|it| it.kind(5)),
                ..Default::default()
            }
            .encode_to_vec(),
            1 => self.message().encode_to_vec(),
            2 => self.muc().encode_to_vec(),
            3 => self.roster().encode_to_vec(),
            _ => self.text().into_bytes(),
        };
        Meta {
            id: self.maybe(Self::number),
            from: self.maybe(Self::jid),
            to: self.maybe(Self::jid),
            ns: Some(ns).filter(|ns| *ns != 0 || self.below(2) == 0),
            payload: Some(payload).filter(|_| self.below(16) != 15),
            ext: self.several(Self::key_value),
            directed_users: self.several(Self::text),
            ..Meta::default()
        }
    }

    fn key_value(&mut self) -> KeyValue {
        KeyValue {
            key: self.maybe(Self::text),
            r#type: self.maybe(|it| it.kind(9)),
            varint_value: self.maybe(|it| it.number() as i64),
            float_value: self.maybe(|_| 0.5),
            double_value: self.maybe(|_| -2.5),
            string_value: self.maybe(Self::text),
        }
    }

    fn message(&mut self) -> MessageBody {
        let content = |it: &mut Self| Content {
            r#type: it.maybe(|it| it.kind(9)),
            text: it.maybe(Self::text),
            latitude: it.maybe(|_| 50.1),
            params: it.several(Self::key_value),
            size: it.maybe(|_| content::Size {
                width: Some(1.5),
                height: None,
            }),
            combine_level: it.maybe(|_| 25),
            ..Content::default()
        };
        MessageBody {
            r#type: self.maybe(|it| it.kind(9)),
            from: self.maybe(Self::jid),
            to: self.maybe(Self::jid),
            contents: self.several(content),
            ext: self.several(Self::key_value),
            ..MessageBody::default()
        }
    }

    fn muc(&mut self) -> MucBody {
        MucBody {
            muc_id: self.maybe(Self::jid),
            operation: self.maybe(|it| it.kind(40)),
            from: self.maybe(Self::jid),
            to: self.several(Self::jid),
            is_chatroom: self.maybe(|it| it.below(2) == 1),
            muc_parent_id: self.maybe(Self::jid),
            members: self.several(Self::text),
            ..MucBody::default()
        }
    }

    fn roster(&mut self) -> RosterBody {
        RosterBody {
            operation: self.maybe(|it| it.kind(9)),
            from: self.maybe(Self::jid),
            to: self.several(Self::jid),
            ..RosterBody::default()
        }
    }
}
