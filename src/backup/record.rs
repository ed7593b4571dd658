//! What the text of a backup is: records, each `kind`, a name and bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | kind: 1 manifest, 2 file, 3 entry of the registry, 4 end |
//! | 2 | length N of the name, big-endian, at most 1,024 |
//! | N | the name, UTF-8; empty in manifest and end |
//! | 4 | length L of the bytes, big-endian, at most 64 MiB |
//! | L | the bytes |

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A record. The manifest comes first, the end last.
pub enum Record {
    Manifest(Manifest),
    File(Part, Zeroizing<Vec<u8>>),
    /// A key of the registry and its value.
    Entry(String, Vec<u8>),
    End(End),
}

/// Whose backup it is, under the seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub region: String,
    pub gateway: String,
}

/// How much there was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    pub files: u64,
    pub entries: u64,
}

/// A file of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    SealKeys,
    PinKeys,
    GatewayId,
    Anchor,
    /// A file of the audit log's folder, by its path there.
    Audit(PathBuf),
}

/// Why the text is not that of a backup.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it has a record of the unknown kind {0}")]
    Kind(u8),
    #[error("a record's name is longer than 1,024 bytes or no text")]
    Name,
    #[error("a record is longer than 64 MiB")]
    Long,
    #[error("a record ends too early")]
    Short,
    #[error("a record is not what its kind says")]
    Content,
    #[error("it has a file that no gateway has")]
    UnknownPart,
}

const MANIFEST: u8 = 1;
const FILE: u8 = 2;
const ENTRY: u8 = 3;
const END: u8 = 4;

const LONGEST_NAME: usize = 1_024;
const LONGEST: usize = 64 << 20;

impl Record {
    pub fn write(&self, output: &mut impl Write) -> Result<(), RecordError> {
        match self {
            Self::Manifest(manifest) => raw(output, MANIFEST, "", &json(manifest)?),
            Self::File(part, bytes) => raw(output, FILE, &part.name()?, bytes),
            Self::Entry(key, value) => raw(output, ENTRY, key, value),
            Self::End(end) => raw(output, END, "", &json(end)?),
        }
    }

    pub fn read(input: &mut impl Read) -> Result<Self, RecordError> {
        let [kind] = array::<1>(input)?;
        let length = usize::from(u16::from_be_bytes(array(input)?));
        if length > LONGEST_NAME {
            return Err(RecordError::Name);
        }
        let name = bytes(input, length)?;
        let name = String::from_utf8(name.to_vec()).map_err(|_| RecordError::Name)?;
        let length = u32::from_be_bytes(array(input)?) as usize;
        if length > LONGEST {
            return Err(RecordError::Long);
        }
        let bytes = bytes(input, length)?;
        match (kind, name.as_str()) {
            (MANIFEST, "") => Ok(Self::Manifest(parsed(&bytes)?)),
            (FILE, name) => Ok(Self::File(Part::parse(name)?, bytes)),
            (ENTRY, _) => Ok(Self::Entry(name, bytes.to_vec())),
            (END, "") => Ok(Self::End(parsed(&bytes)?)),
            (MANIFEST | END, _) => Err(RecordError::Content),
            (kind, _) => Err(RecordError::Kind(kind)),
        }
    }
}

impl Part {
    fn name(&self) -> Result<String, RecordError> {
        match self {
            Self::SealKeys => Ok("keys/seal".to_owned()),
            Self::PinKeys => Ok("keys/pin".to_owned()),
            Self::GatewayId => Ok("gateway-id".to_owned()),
            Self::Anchor => Ok("registry.anchor".to_owned()),
            Self::Audit(path) => {
                let path = path.to_str().filter(|path| is_inside(path));
                let path = path.ok_or(RecordError::UnknownPart)?;
                Ok(format!("{AUDIT}{path}"))
            }
        }
    }

    fn parse(name: &str) -> Result<Self, RecordError> {
        match name {
            "keys/seal" => Ok(Self::SealKeys),
            "keys/pin" => Ok(Self::PinKeys),
            "gateway-id" => Ok(Self::GatewayId),
            "registry.anchor" => Ok(Self::Anchor),
            other => {
                let path = other.strip_prefix(AUDIT).filter(|path| is_inside(path));
                let path = path.ok_or(RecordError::UnknownPart)?;
                Ok(Self::Audit(PathBuf::from(path)))
            }
        }
    }
}

const AUDIT: &str = "audit/";

/// A path of plain names: it leads nowhere but below the folder that it is put behind.
fn is_inside(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    path.split('/')
        .all(|name| !matches!(name, "" | "." | "..") && name.bytes().all(plain))
}

fn raw(output: &mut impl Write, kind: u8, name: &str, bytes: &[u8]) -> Result<(), RecordError> {
    if name.len() > LONGEST_NAME {
        return Err(RecordError::Name);
    }
    if bytes.len() > LONGEST {
        return Err(RecordError::Long);
    }
    let name_length = u16::try_from(name.len()).map_err(|_| RecordError::Name)?;
    let length = u32::try_from(bytes.len()).map_err(|_| RecordError::Long)?;
    output.write_all(&[kind])?;
    output.write_all(&name_length.to_be_bytes())?;
    output.write_all(name.as_bytes())?;
    output.write_all(&length.to_be_bytes())?;
    Ok(output.write_all(bytes)?)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, RecordError> {
    serde_json::to_vec(value).map_err(|_| RecordError::Content)
}

fn parsed<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, RecordError> {
    serde_json::from_slice(bytes).map_err(|_| RecordError::Content)
}

fn array<const N: usize>(input: &mut impl Read) -> Result<[u8; N], RecordError> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(short)?;
    Ok(bytes)
}

fn bytes(input: &mut impl Read, length: usize) -> Result<Zeroizing<Vec<u8>>, RecordError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    input.read_exact(&mut bytes).map_err(short)?;
    Ok(bytes)
}

fn short(error: io::Error) -> RecordError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => RecordError::Short,
        _ => RecordError::Io(error),
    }
}
