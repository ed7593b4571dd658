//! The gateway's own frames, read back.

use msync::{
    Channel, Command, inspect_down, kick, notice, operation, provision_answer, provision_refusal,
    provision_without_token, read_provision, read_provision_answer, schema, status, sync_ack,
    sync_refusal, unread_answer,
};
use prost::Message;

use crate::support::{APP, OTHER};

#[test]
fn a_refusal_always_writes_its_code() {
    for code in [0, status::FAIL, status::NO_ROUTE, status::IM_FORBIDDEN, -1] {
        let frame = provision_refusal(code, "somewhere else");
        let answer = read_provision_answer(&frame, APP).unwrap();
        assert_eq!(answer.error_code, Some(code));
        assert_eq!(answer.reason, Some("somewhere else"));
        assert!(!answer.chooses && !answer.has_redirect && !answer.foreign);
    }
}

#[test]
fn the_welcome_of_the_golden_frames() {
    let frame = provision_answer(Some("webim"), Some("7:"));
    let plain = "080040034a1042020800 6a05776562696d a20102373a".replace(' ', "");
    assert_eq!(hex::encode(&frame), plain);
    assert_eq!(
        read_provision_answer(&frame, APP).unwrap().error_code,
        Some(0)
    );
    let bare = read_provision_answer(&provision_answer(None, None), APP).map(|it| it.error_code);
    assert_eq!(bare, Ok(Some(0)));
}

#[test]
fn a_first_message_without_a_token_names_its_app() {
    let frame = provision_without_token(APP, "canary");
    let seen = read_provision(&frame).unwrap();
    assert_eq!(
        (seen.guid_app_key, seen.guid_name),
        (Some(APP), Some("canary"))
    );
    let tokens = (seen.envelope_auth, seen.auth, seen.auth_token);
    assert_eq!(tokens, (None, None, None));
    assert!(!seen.compressed && !seen.protocol_compress && !seen.encrypt_key);
    schema::MSync::decode(frame.as_slice()).unwrap();
}

#[test]
fn acknowledgements() {
    let frame = sync_refusal(530_466_116_435, 19, "region policy");
    let down = inspect_down(&frame, APP).unwrap();
    assert_eq!(
        (down.ack, down.error_code),
        (Some(530_466_116_435), Some(19))
    );
    let golden = "080040004a190a02080010ac89cbc8a0341881a094a58d1d40b089cbc8a034";
    let ack = sync_ack(1_795_448_554_668, 1_000_000_000_001, 1_795_448_554_672);
    assert_eq!(hex::encode(ack), golden);
    let golden = "080040014a0b0a02080018b089cbc8a034";
    assert_eq!(hex::encode(unread_answer(1_795_448_554_672)), golden);
}

#[test]
fn a_kick_has_what_the_sdk_looks_into() {
    let frame = kick(APP, "alice", operation::KICKED_BY_OTHER_DEVICE, "moved");
    let envelope = schema::MSync::decode(frame.as_slice()).unwrap();
    let sync = schema::CommSyncDl::decode(envelope.payload()).unwrap();
    let meta = &sync.metas[0];
    let body = schema::StatisticsBody::decode(meta.payload()).unwrap();
    assert_eq!(body.operation, Some(4));
    assert_eq!(body.reason(), "moved");
    assert!(meta.from.is_some());
    assert_eq!(sync.queue.unwrap().name(), "alice");
    let down = inspect_down(&frame, APP).unwrap();
    assert_eq!((down.channel, down.foreign), (Channel::General, false));
    assert!(inspect_down(&frame, OTHER).unwrap().foreign);
}

#[test]
fn a_notice() {
    let down = inspect_down(&notice(APP, "alice"), APP).unwrap();
    assert_eq!((down.command, down.foreign), (Command::Notice, false));
}
