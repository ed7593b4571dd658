//! The content of uploaded files, on disk in sealed pieces: a length (u32, big-endian), then the sealed
//! piece. A piece is bound to its file, its number and whether it is the last, so that nothing can be
//! swapped or cut off.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::{fs, io, mem};

use aws_lc_rs::digest;
use bytes::Bytes;
use futures_util::stream::try_unfold;
use futures_util::{Stream, TryStreamExt};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::app_key::AppKey;
use crate::store::cipher::{Cipher, Keyspace};
use crate::store::key::Key;
use crate::wipe;

/// The folder of uploaded files.
pub(crate) struct Blobs {
    folder: PathBuf,
    zone: String,
    cipher: Arc<dyn Cipher>,
}

/// A file that is being written. Unless it is finished, nothing of it stays.
pub(crate) struct Upload {
    file: File,
    unfinished: Unfinished,
    target: PathBuf,
    pieces: Pieces,
    waiting: Vec<u8>,
    size: u64,
}

/// A file that is written, and has no name yet. Unless it is kept, nothing of it stays.
pub(crate) struct Content {
    unfinished: Unfinished,
    target: PathBuf,
    size: u64,
}

impl Blobs {
    /// Makes the folder, and removes what a killed process left unfinished.
    pub(crate) fn open(folder: PathBuf, zone: &str, cipher: Arc<dyn Cipher>) -> io::Result<Blobs> {
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&format!("{zone}.")) && name.ends_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
            }
        }
        let zone = zone.to_owned();
        Ok(Blobs {
            folder,
            zone,
            cipher,
        })
    }

    pub(crate) async fn create(&self, app: &AppKey, uuid: Uuid) -> io::Result<Upload> {
        let path = self
            .folder
            .join(format!("{}.{uuid}{UNFINISHED}", self.zone));
        Ok(Upload {
            file: File::create_new(&path).await?,
            unfinished: Unfinished(path),
            target: self.path(uuid),
            pieces: Pieces::of(app, uuid, &self.cipher),
            waiting: Vec::new(),
            size: 0,
        })
    }

    /// The content, a piece at a time. `size` is what [`Upload::finish`] said.
    pub(crate) async fn read(
        &self,
        app: &AppKey,
        uuid: Uuid,
        size: u64,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
        let file = File::open(self.path(uuid)).await?;
        let pieces = Pieces::of(app, uuid, &self.cipher);
        let last = size.saturating_sub(1) / PIECE as u64;
        Ok(try_unfold(
            (file, pieces),
            move |(mut file, mut pieces)| async move {
                if pieces.number > last {
                    return Ok(None);
                }
                let plain = pieces.read(&mut file, last).await?;
                Ok(Some((Bytes::from(plain), (file, pieces))))
            },
        ))
    }

    /// SHA-256 of the content, as it was uploaded.
    pub(crate) async fn hash(&self, app: &AppKey, uuid: Uuid, size: u64) -> io::Result<[u8; 32]> {
        let mut pieces = pin!(self.read(app, uuid, size).await?);
        let mut hash = digest::Context::new(&digest::SHA256);
        while let Some(piece) = pieces.try_next().await? {
            hash.update(&piece);
        }
        let hash = hash.finish();
        hash.as_ref().try_into().map_err(io::Error::other)
    }

    /// Which of the keys has sealed it, as [`Cipher::age`]: all pieces are sealed by one.
    pub(crate) async fn age(&self, uuid: Uuid) -> io::Result<Option<usize>> {
        let mut file = File::open(self.path(uuid)).await?;
        let mut head = Vec::new();
        file.read_u32().await?;
        file.take(HEAD).read_to_end(&mut head).await?;
        Ok(self.cipher.age(&head))
    }

    /// Removes a file, if it is there, with its content.
    pub(crate) async fn remove(&self, uuid: Uuid) -> io::Result<()> {
        let path = self.path(uuid);
        spawn_blocking(move || wipe::remove(&path)).await?
    }

    /// Waits until what was removed is off the disk.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        File::open(&self.folder).await?.sync_all().await
    }

    fn path(&self, uuid: Uuid) -> PathBuf {
        self.folder.join(uuid.to_string())
    }
}

impl Upload {
    /// Bytes taken so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) async fn push(&mut self, mut bytes: Bytes) -> io::Result<()> {
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.waiting.len() == PIECE {
                let piece = mem::take(&mut self.waiting);
                self.pieces.write(&mut self.file, &piece, false).await?;
            }
            let room = PIECE - self.waiting.len();
            self.waiting
                .extend_from_slice(&bytes.split_to(room.min(bytes.len())));
        }
        Ok(())
    }

    /// Writes the rest durably.
    pub(crate) async fn finish(mut self) -> io::Result<Content> {
        self.pieces
            .write(&mut self.file, &self.waiting, true)
            .await?;
        self.file.sync_all().await?;
        Ok(Content {
            unfinished: self.unfinished,
            target: self.target,
            size: self.size,
        })
    }
}

impl Content {
    /// In bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Removes it with its content.
    pub(crate) async fn wipe(self) -> io::Result<()> {
        spawn_blocking(move || wipe::remove(&self.unfinished.0)).await?
    }

    /// Gives the file its name.
    pub(crate) async fn keep(self) -> io::Result<()> {
        tokio::fs::rename(&self.unfinished.0, &self.target).await
    }
}

/// Removes a file that was given up; after it got its name there is nothing left to remove.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        remove_if_there(&self.0);
    }
}

fn remove_if_there(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "can't remove an unfinished upload"),
    }
}

/// Seals and opens the pieces of one file, in their order.
struct Pieces {
    place: Key,
    number: u64,
    cipher: Arc<dyn Cipher>,
}

impl Pieces {
    fn of(app: &AppKey, uuid: Uuid, cipher: &Arc<dyn Cipher>) -> Pieces {
        Pieces {
            place: Key::of(app).part(&uuid.to_string()),
            number: 0,
            cipher: cipher.clone(),
        }
    }

    async fn write(&mut self, file: &mut File, plain: &[u8], last: bool) -> io::Result<()> {
        let place = self.next_place(last);
        let sealed = self.cipher.seal(Keyspace::Files, &place, plain);
        let sealed = sealed.map_err(io::Error::other)?;
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        file.write_u32(length).await?;
        file.write_all(&sealed).await
    }

    async fn read(&mut self, file: &mut File, last: u64) -> io::Result<Vec<u8>> {
        let place = self.next_place(self.number == last);
        let length = file.read_u32().await? as usize;
        if length > PIECE + SEAL_ROOM {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut sealed = vec![0; length];
        file.read_exact(&mut sealed).await?;
        let plain = self.cipher.open(Keyspace::Files, &place, &sealed);
        plain.map_err(io::Error::other)
    }

    fn next_place(&mut self, last: bool) -> Vec<u8> {
        let place = self.place.clone().id(self.number).id(u64::from(last));
        self.number += 1;
        self.cipher.place(Keyspace::Files, &place)
    }
}

/// Plain bytes in a piece.
const PIECE: usize = 64 * 1024;
/// What sealing may add to one.
const SEAL_ROOM: usize = 1024;
/// Bytes of a piece that tell what has sealed it, at most.
const HEAD: u64 = 64;
const UNFINISHED: &str = ".part";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cipher::{CipherError, Clear};
    use futures_util::TryStreamExt;

    /// Puts the place in front, so that a piece in a wrong place does not open.
    struct Marked;

    impl Cipher for Marked {
        fn seal(&self, _: Keyspace, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, CipherError> {
            Ok([place, plain].concat())
        }

        fn open(&self, _: Keyspace, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CipherError> {
            sealed
                .strip_prefix(place)
                .map(<[u8]>::to_vec)
                .ok_or(CipherError::Open)
        }
    }

    fn app() -> AppKey {
        AppKey::new("o", "a").unwrap()
    }

    async fn store(blobs: &Blobs, content: &[u8]) -> Uuid {
        let uuid = Uuid::now_v7();
        let mut upload = blobs.create(&app(), uuid).await.unwrap();
        for chunk in content.chunks(10_007) {
            upload.push(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        let written = upload.finish().await.unwrap();
        assert_eq!(written.size(), content.len() as u64);
        written.keep().await.unwrap();
        uuid
    }

    async fn load(blobs: &Blobs, uuid: Uuid, size: usize) -> io::Result<Vec<u8>> {
        let stream = blobs.read(&app(), uuid, size as u64).await?;
        let pieces: Vec<Bytes> = stream.try_collect().await?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn what_went_in_comes_out() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("files"), "z", Arc::new(Marked)).unwrap();
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
            let content: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let uuid = store(&blobs, &content).await;
            assert_eq!(load(&blobs, uuid, size).await.unwrap(), content, "{size}");
        }
    }

    #[tokio::test]
    async fn a_shortened_file_does_not_open() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().to_owned(), "z", Arc::new(Marked)).unwrap();
        let uuid = store(&blobs, &vec![7; 3 * PIECE]).await;
        assert!(load(&blobs, uuid, 2 * PIECE).await.is_err());
    }

    #[tokio::test]
    async fn nothing_stays_of_an_upload_that_was_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().to_owned(), "z", Arc::new(Clear)).unwrap();
        let mut upload = blobs.create(&app(), Uuid::now_v7()).await.unwrap();
        upload.push(Bytes::from_static(b"half")).await.unwrap();
        drop(upload);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn opening_removes_only_the_own_zones_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bj1.x.part", "vip6.x.part", "whole"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        Blobs::open(folder.path().to_owned(), "bj1", Arc::new(Clear)).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["vip6.x.part", "whole"]);
    }
}
