//! `msync.proto` as tables, in its order. `crates/msync/tests/it/tables.rs` holds every field of it
//! against prost's reading. A field that is not here is unknown and skipped.

use crate::shape::Note::{
    AckId, AppId, AppKey, Auth, AuthToken, BodyType, Command, Compress, CompressType, Crypto,
    DeviceUuid, EncryptKey, EncryptType, EnvelopeAuth, EnvelopeEncryptType, ErrorCode, GuidDomain,
    GuidName, GuidResource, IsChatroom, MetaId, NameSpace, Password, ProtocolDirection,
    ProtocolType, Reason, Redirect, Resource, Seal, SessionId, ToDomain,
};
use crate::shape::{
    BYTES, DOUBLE, FLOAT, Field, NUMBER, NUMBERS, Note, PAYLOAD, Shape, TEXT, any, noted, one,
};

/// What is in `Meta.payload`, by `Meta.ns`; other name spaces hold bytes that are no message.
pub(crate) fn body(name_space: i32) -> Option<&'static Shape> {
    match name_space {
        0 => Some(&STATISTICS_BODY),
        1 => Some(&MESSAGE_BODY),
        2 => Some(&MUC_BODY),
        3 => Some(&ROSTER_BODY),
        _ => None,
    }
}

static JID: Shape = Shape::of(&[(1, noted(TEXT, AppKey)), (2, TEXT), (3, TEXT), (4, TEXT)]);
/// The JID in `MSync.guid`.
static GUID: Shape = Shape::of(&[
    (1, noted(TEXT, AppKey)),
    (2, noted(TEXT, GuidName)),
    (3, noted(TEXT, GuidDomain)),
    (4, noted(TEXT, GuidResource)),
]);
/// The JID in `Meta.to`.
static RECIPIENT: Shape = Shape::of(&[
    (1, noted(TEXT, AppKey)),
    (2, TEXT),
    (3, noted(TEXT, ToDomain)),
    (4, TEXT),
]);

pub(crate) static MSYNC: Shape = Shape::of(&[
    (1, NUMBER),
    (2, one(&GUID)),
    (3, noted(TEXT, EnvelopeAuth)),
    (4, noted(NUMBER, Compress)),
    (5, noted(NUMBER, Crypto)),
    (6, TEXT),
    (7, NUMBER),
    (8, noted(NUMBER, Command)),
    (9, PAYLOAD),
    (10, NUMBER),
    (11, noted(NUMBERS, EnvelopeEncryptType)),
    (12, noted(TEXT, EncryptKey)),
    (13, noted(BYTES, Seal)),
    (14, noted(BYTES, Seal)),
    (20, NUMBER),
])
.selected_by(8);

static REDIRECT_INFO: Shape = Shape::of(&[(1, TEXT), (2, NUMBER)]);
static STATUS: Shape = Shape::of(&[
    (1, noted(NUMBER, ErrorCode)),
    (2, noted(TEXT, Reason)),
    (
        3,
        Field {
            note: Redirect,
            ..any(&REDIRECT_INFO)
        },
    ),
]);

pub(crate) static PROVISION: Shape = Shape::of(&[
    (1, NUMBER),
    (2, TEXT),
    (3, NUMBER),
    (4, TEXT),
    (5, noted(NUMBERS, CompressType)),
    (6, noted(NUMBERS, EncryptType)),
    (7, noted(TEXT, EncryptKey)),
    (8, one(&STATUS)),
    (9, noted(TEXT, DeviceUuid)),
    (10, NUMBER),
    (11, noted(TEXT, Password)),
    (12, TEXT),
    (13, noted(TEXT, Resource)),
    (14, noted(TEXT, Auth)),
    (15, noted(TEXT, AppId)),
    (16, TEXT),
    (17, TEXT),
    (18, noted(TEXT, AuthToken)),
    (19, NUMBER),
    (20, noted(TEXT, SessionId)),
    (21, TEXT),
    (22, noted(NUMBERS, ProtocolType)),
    (23, noted(NUMBER, ProtocolDirection)),
    (24, BYTES),
]);
pub(crate) static LOGOUT: Shape = Shape::of(&[(1, TEXT), (2, TEXT), (3, one(&STATUS))]);

static META_QUEUE: Shape = Shape::of(&[(1, one(&JID)), (2, NUMBER)]);
pub(crate) static UNREAD_UL: Shape = Shape::of(&[]);
pub(crate) static UNREAD_DL: Shape =
    Shape::of(&[(1, one(&STATUS)), (2, any(&META_QUEUE)), (3, NUMBER)]);
pub(crate) static NOTICE: Shape = Shape::of(&[(1, one(&JID))]);

static KEY_VALUE: Shape = Shape::of(&[
    (1, TEXT),
    (2, NUMBER),
    (3, NUMBER),
    (4, FLOAT),
    (5, DOUBLE),
    (6, TEXT),
]);
static META: Shape = Shape::of(&[
    (1, noted(NUMBER, MetaId)),
    (2, one(&JID)),
    (3, one(&RECIPIENT)),
    (4, NUMBER),
    (5, noted(NUMBER, NameSpace)),
    (6, PAYLOAD),
    (7, NUMBER),
    (8, any(&KEY_VALUE)),
    (9, BYTES),
    (10, TEXT),
    (11, NUMBER),
    (12, NUMBER),
    (13, TEXT),
])
.selected_by(5);
static ROAM_CONFIG: Shape = Shape::of(&[(1, NUMBER), (2, NUMBER)]);
pub(crate) static SYNC_UL: Shape = Shape::of(&[
    (1, noted(any(&META), Note::Meta)),
    (2, NUMBER),
    (3, one(&JID)),
    (4, NUMBER),
    (5, NUMBER),
    (6, any(&ROAM_CONFIG)),
]);
pub(crate) static SYNC_DL: Shape = Shape::of(&[
    (1, one(&STATUS)),
    (2, noted(NUMBER, AckId)),
    (3, NUMBER),
    (
        4,
        Field {
            note: Note::Meta,
            ..any(&META)
        },
    ),
    (5, NUMBER),
    (6, one(&JID)),
    (7, NUMBER),
    (8, NUMBER),
    (9, NUMBER),
]);

static SIZE: Shape = Shape::of(&[(1, DOUBLE), (2, DOUBLE)]);
static CONTENT: Shape = Shape::of(&[
    (1, NUMBER),
    (2, TEXT),
    (3, DOUBLE),
    (4, DOUBLE),
    (5, TEXT),
    (6, TEXT),
    (7, TEXT),
    (8, TEXT),
    (9, NUMBER),
    (10, TEXT),
    (11, any(&KEY_VALUE)),
    (12, NUMBER),
    (13, any(&SIZE)),
    (14, TEXT),
    (15, TEXT),
    (16, TEXT),
    (17, NUMBER),
    (18, any(&SIZE)),
    (19, TEXT),
    (20, any(&KEY_VALUE)),
    (21, TEXT),
    (22, NUMBER),
    (23, TEXT),
    (24, TEXT),
    (25, NUMBER),
]);
static MESSAGE_CONFIG: Shape = Shape::of(&[(1, NUMBER)]);
static STREAM: Shape = Shape::of(&[
    (1, TEXT),
    (2, NUMBER),
    (3, NUMBER),
    (4, NUMBER),
    (5, NUMBER),
]);
static MESSAGE_BODY: Shape = Shape::of(&[
    (1, noted(NUMBER, BodyType)),
    (2, one(&JID)),
    (3, one(&JID)),
    (4, any(&CONTENT)),
    (5, any(&KEY_VALUE)),
    (6, NUMBER),
    (7, any(&MESSAGE_CONFIG)),
    (8, TEXT),
    (9, TEXT),
    (11, NUMBER),
    (12, NUMBER),
    (13, any(&STREAM)),
]);

static STATISTICS_BODY: Shape = Shape::of(&[
    (1, NUMBER),
    (2, NUMBER),
    (3, TEXT),
    (4, NUMBER),
    (5, NUMBER),
    (6, NUMBER),
    (7, TEXT),
    (8, TEXT),
    (9, TEXT),
    (10, TEXT),
]);

static SETTING: Shape = Shape::of(&[(1, TEXT), (2, TEXT), (3, NUMBER), (4, NUMBER), (5, TEXT)]);
/// `MUCBody.Status`; its codes, like those of `RosterBody.Status`, are others than those of `Status`.
static MUC_STATUS: Shape = Shape::of(&[(1, NUMBER), (2, TEXT), (3, TEXT)]);
static ROSTER_STATUS: Shape = Shape::of(&[(1, NUMBER), (2, TEXT)]);
static EVENT_INFO: Shape = Shape::of(&[(1, NUMBER), (2, TEXT)]);
static MUC_BODY: Shape = Shape::of(&[
    (1, one(&JID)),
    (2, NUMBER),
    (3, one(&JID)),
    (4, any(&JID)),
    (5, any(&SETTING)),
    (6, TEXT),
    (7, noted(NUMBER, IsChatroom)),
    (8, any(&MUC_STATUS)),
    (9, NUMBER),
    (10, one(&JID)),
    (11, TEXT),
    (12, any(&EVENT_INFO)),
    (13, NUMBER),
    (14, TEXT),
    (15, NUMBER),
    (16, TEXT),
]);
static ROSTER_BODY: Shape = Shape::of(&[
    (1, NUMBER),
    (2, any(&ROSTER_STATUS)),
    (3, one(&JID)),
    (4, any(&JID)),
    (5, TEXT),
    (6, TEXT),
    (7, NUMBER),
]);
