//! Whatever is done to a log's files is found, and named.

use tlog::{Checkpoint, Signer, bundle};

use super::*;
use crate::audit::log::Log;
use crate::audit::open::Keys;

/// A closed log in a folder of its own.
struct Case {
    bench: Bench,
    keys: Vec<tlog::VerifierKey>,
}

impl Case {
    /// 600 entries in large batches and 10 alone: full and partial tiles, and some of earlier
    /// checkpoints.
    async fn new() -> Self {
        let bench = Bench::new();
        let log = bench.open().unwrap();
        let notes = (0..600).map(|_| async { log.note(&suspend()).await.unwrap() });
        futures_util::future::join_all(notes).await;
        for _ in 0..10 {
            log.note(&suspend()).await.unwrap();
        }
        drop(log);
        Self {
            bench,
            keys: keys(&SEED),
        }
    }

    fn verify(&self) -> Result<Whole, Flaw> {
        self.verify_since(None)
    }

    fn verify_since(&self, since: Option<&[u8]>) -> Result<Whole, Flaw> {
        verify(&Folder::new(&self.bench.log()), &self.keys, since)
    }

    fn flaw(&self) -> Flaw {
        self.verify().unwrap_err()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.bench.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.bench.path(name)).unwrap()
    }

    fn entries(&self) -> Vec<Vec<u8>> {
        let folder = Folder::new(&self.bench.log());
        folder.entries(610).map(Result::unwrap).collect()
    }

    /// Writes the whole log anew with these entries, signed by this key.
    fn rewrite(&self, entries: &[Vec<u8>], seed: &[u8; 32]) {
        fs::remove_dir_all(self.bench.log()).unwrap();
        let keys = Keys::new(&origin().to_string(), &[seed]).unwrap();
        let mut log = Log::open(&self.bench.log(), keys, NOW).unwrap();
        log.append(entries, NOW).unwrap();
    }
}

fn keys(seed: &[u8; 32]) -> Vec<tlog::VerifierKey> {
    Keys::new(&origin().to_string(), &[seed]).unwrap().known
}

/// The same entry with another actor, or another byte of a text at least.
fn changed(entry: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(entry.to_vec()).unwrap();
    text.replace("acct-1", "acct-2").into_bytes()
}

/// Which entry of a bundle a byte belongs to, its length included.
fn entry_at(bundle: &[u8], at: usize) -> u64 {
    let mut end = 0;
    let entries = bundle::entries(bundle).take_while(|entry| {
        end += 2 + entry.unwrap().len();
        end <= at
    });
    entries.count() as u64
}

#[tokio::test]
async fn a_whole_log_verifies() {
    let case = Case::new().await;
    let whole = case.verify().unwrap();
    assert_eq!(whole.checkpoint.size(), 610);
    assert_eq!(whole.checkpoint.origin(), origin().to_string());
    assert!(whole.beside.is_empty(), "{:?}", whole.beside);
    let files = case.bench.files();
    for name in [
        "checkpoint",
        "vkey",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/98",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/98",
        "tile/1/000.p/2",
        // Of earlier checkpoints.
        "tile/entries/002.p/97",
        "tile/0/002.p/88",
    ] {
        assert!(files.contains_key(name), "{name} in {:?}", files.keys());
    }
}

/// Every byte of the small files, many of the large ones.
#[tokio::test]
async fn one_changed_byte_in_any_file_is_found_and_named() {
    let case = Case::new().await;
    for (name, bytes) in case.bench.files() {
        let step = (bytes.len() / 50).max(1);
        let places = (0..bytes.len()).step_by(step).chain([bytes.len() - 1]);
        for at in places {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            case.write(&name, &flipped);
            let flaw = case.verify().expect_err(&format!("{name}, byte {at}"));
            let is_earlier = matches!(flaw, Flaw::Earlier { .. });
            match name.strip_prefix("tile/entries/") {
                Some(bundle) if !is_earlier => {
                    let first = 256 * bundle[..3].parse::<u64>().unwrap();
                    let entry = first + entry_at(&bytes, at);
                    assert_eq!(flaw.entry(), Some(entry), "{name}, byte {at}: {flaw}");
                    assert!(flaw.to_string().starts_with(&format!("entry {entry}")));
                }
                Some(_) | None => assert_eq!(flaw.file().as_ref(), Some(&name), "{flaw}"),
            }
        }
        case.write(&name, &bytes);
    }
    case.verify().unwrap();
}

#[tokio::test]
async fn what_is_gone_is_named() {
    let case = Case::new().await;
    let newest = |name: &str| name.contains(".p/98") || name.contains("1/000.p/2");
    for (name, bytes) in case.bench.files() {
        if name == "vkey" || (name.contains(".p/") && !newest(&name)) {
            continue;
        }
        fs::remove_file(case.bench.path(&name)).unwrap();
        let flaw = case.flaw();
        assert_eq!(flaw.file(), Some(name.clone()), "{flaw}");
        case.write(&name, &bytes[..bytes.len() - 1]);
        let flaw = case.flaw();
        assert_eq!(flaw.file(), Some(name.clone()), "{flaw}");
        case.write(&name, &[&bytes[..], b"\n"].concat());
        let flaw = case.flaw();
        assert_eq!(flaw.file(), Some(name.clone()), "{flaw}");
        case.write(&name, &bytes);
    }
    let torn = case.read("tile/entries/001");
    case.write("tile/entries/001", &torn[..torn.len() / 2]);
    let entry = 256 + entry_at(&torn, torn.len() / 2);
    assert!(matches!(case.flaw(), Flaw::Torn { entry: e, .. } if e == entry));
    case.write("tile/entries/001", &torn);
    let none = case.read("checkpoint");
    fs::remove_file(case.bench.path("checkpoint")).unwrap();
    assert!(matches!(case.flaw(), Flaw::Unreadable(..)));
    case.write("checkpoint", &none);
    // The folder's own key is for those who have no other.
    fs::remove_file(case.bench.path("vkey")).unwrap();
    case.verify().unwrap();
}

#[tokio::test]
async fn entries_that_changed_places_are_found() {
    let case = Case::new().await;
    let mut entries = case.entries();
    entries.swap(300, 305);
    let mut bundle = Vec::new();
    for entry in &entries[256..512] {
        bundle::append(&mut bundle, entry).unwrap();
    }
    let (old, tile) = (case.read("tile/entries/001"), case.read("tile/0/001"));
    case.write("tile/entries/001", &bundle);
    assert!(matches!(case.flaw(), Flaw::Changed { entry: 300, .. }));
    // With their hashes, too.
    let mut hashes = tlog::Hash::split(&tile).unwrap();
    hashes.swap(44, 49);
    case.write("tile/0/001", &tlog::Hash::join(&hashes));
    let flaw = case.flaw();
    assert_eq!(flaw.to_string(), "entry 300 says that it is entry 305");
    case.write("tile/entries/001", &old);
    assert!(matches!(case.flaw(), Flaw::Hash { entry: 300, .. }));
}

/// All is consistent but the signature: nobody without the key can make the checkpoint.
#[tokio::test]
async fn an_entry_rewritten_with_all_hashes_is_found() {
    let case = Case::new().await;
    let (note, vkey) = (case.read("checkpoint"), case.read("vkey"));
    let mut entries = case.entries();
    entries[17] = changed(&entries[17]);
    case.rewrite(&entries, &[9; 32]);
    assert!(matches!(case.flaw(), Flaw::Head(_)), "signed by another");
    case.write("vkey", &vkey);
    case.write("checkpoint", &note);
    assert!(matches!(case.flaw(), Flaw::Root { since: 0 }));
}

#[tokio::test]
async fn an_entry_rewritten_with_its_own_hash_alone_is_found() {
    let case = Case::new().await;
    let mut entries = case.entries();
    entries[17] = changed(&entries[17]);
    let (mut bundle, mut hashes) = (Vec::new(), Vec::new());
    for entry in &entries[..256] {
        bundle::append(&mut bundle, entry).unwrap();
        hashes.push(tlog::Hash::of_leaf(entry));
    }
    case.write("tile/entries/000", &bundle);
    case.write("tile/0/000", &tlog::Hash::join(&hashes));
    assert_eq!(
        case.flaw().to_string(),
        "hash 0 of tile/1/000.p/2 is not that of entry 0 to entry 255"
    );
}

/// What only an earlier checkpoint, kept elsewhere, can show.
#[tokio::test]
async fn whoever_has_the_key_is_found_by_an_earlier_checkpoint() {
    let case = Case::new().await;
    let (note, entries) = (case.read("checkpoint"), case.entries());
    let whole = case.verify_since(Some(&note)).unwrap();
    assert_eq!(whole.since, Some(610));

    case.rewrite(&entries[..600], &SEED);
    let shorter = case.read("checkpoint");
    case.verify().unwrap();
    let flaw = case.verify_since(Some(&note)).unwrap_err();
    assert!(matches!(
        flaw,
        Flaw::Shorter {
            size: 600,
            since: 610
        }
    ));
    assert!(
        flaw.to_string()
            .starts_with("entry 600 and what follows are gone")
    );

    case.rewrite(&entries, &SEED);
    assert_eq!(case.verify_since(Some(&shorter)).unwrap().since, Some(600));

    let mut other = entries;
    other[17] = changed(&other[17]);
    case.rewrite(&other, &SEED);
    case.verify().unwrap();
    let flaw = case.verify_since(Some(&shorter)).unwrap_err();
    assert!(matches!(flaw, Flaw::Rewritten(600)), "{flaw}");
}

#[tokio::test]
async fn keys_and_checkpoints_of_others_do_not_count() {
    let mut case = Case::new().await;
    let note = case.read("checkpoint");
    let other = Signer::from_seed("domicile/frankfurt/other", &SEED).unwrap();
    let head = Checkpoint::new("domicile/frankfurt/other", 1, tlog::Hash::of_leaf(b"")).unwrap();
    let since = other.sign(&head.to_string()).unwrap();
    assert!(matches!(
        case.verify_since(Some(since.as_bytes())),
        Err(Flaw::Since(_))
    ));
    case.keys.push(other.verifier_key());
    assert!(matches!(
        case.verify_since(Some(since.as_bytes())),
        Err(Flaw::OtherLog(_))
    ));
    // The right key's name on another log's checkpoint.
    let key = Signer::from_seed(&origin().to_string(), &SEED).unwrap();
    case.write(
        "checkpoint",
        key.sign(&head.to_string()).unwrap().as_bytes(),
    );
    assert!(matches!(case.flaw(), Flaw::Head(HeadError::Origin(_))));
    case.write("checkpoint", &note);
    case.keys = keys(&[9; 32]);
    assert!(matches!(case.flaw(), Flaw::Head(_)));
    case.keys.extend(keys(&SEED));
    case.verify().unwrap();
    case.write("vkey", b"domicile");
    assert!(matches!(case.flaw(), Flaw::Vkey));
}

#[tokio::test]
async fn an_entry_of_another_log_is_found() {
    let case = Case::new().await;
    let mut entries = case.entries();
    for (replace, with) in [("frankfurt", "virginia"), ("0199c5a0", "0199c5a1")] {
        let text = String::from_utf8(entries[3].clone()).unwrap();
        let whole = std::mem::replace(&mut entries[3], text.replace(replace, with).into_bytes());
        case.rewrite(&entries, &SEED);
        assert!(matches!(case.flaw(), Flaw::Foreign(3)));
        entries[3] = whole;
    }
    entries[3] = b"{".to_vec();
    case.rewrite(&entries, &SEED);
    assert!(matches!(case.flaw(), Flaw::NotJson(3)));
}

/// What the checkpoint does not speak of is no part of the log, and is told.
#[tokio::test]
async fn files_beside_the_log_are_told() {
    let case = Case::new().await;
    let bundle = case.read("tile/entries/002.p/98");
    case.write(
        "tile/entries/002.p/99",
        &[&bundle[..], b"\0\x02{}"].concat(),
    );
    case.write("tile/entries/003", &bundle);
    case.write("notes.txt", b"hello");
    let whole = case.verify().unwrap();
    assert_eq!(
        whole.beside,
        ["notes.txt", "tile/entries/002.p/99", "tile/entries/003"]
    );
}

#[tokio::test]
async fn an_entrys_proof_stands_without_the_log() {
    let case = Case::new().await;
    let folder = Folder::new(&case.bench.log());
    let entries = case.entries();
    for index in [0, 255, 256, 511, 512, 609] {
        let proof = prove(&folder, &case.keys, index).unwrap();
        let read = tlog::EntryProof::parse(&proof.to_string()).unwrap();
        assert_eq!(read.entry, entries[usize::try_from(index).unwrap()]);
        assert_eq!(read.verify(&case.keys).unwrap().size(), 610);
        assert!(read.verify(&keys(&[9; 32])).is_err());
    }
    let none = prove(&folder, &case.keys, 610);
    assert!(matches!(none, Err(ProveError::NoEntry { .. })));
    let bundle = case.read("tile/entries/000");
    let mut flipped = bundle.clone();
    flipped[10] ^= 1;
    case.write("tile/entries/000", &flipped);
    let error = prove(&folder, &case.keys, 0).unwrap_err();
    assert!(matches!(error, ProveError::Proof(_)), "{error}");
}

/// A log in use can be verified and read, though its partial tiles come and go.
#[tokio::test]
async fn a_log_in_use_verifies() {
    let bench = Bench::new();
    let log = Arc::new(bench.open().unwrap());
    let dir = bench.log();
    let verifier = std::thread::spawn(move || {
        let (mut sizes, folder) = (Vec::new(), Folder::new(&dir));
        while sizes.last().is_none_or(|size| *size < 400) {
            let whole = verify(&folder, &keys(&SEED), None).unwrap();
            sizes.push(whole.checkpoint.size());
        }
        sizes.dedup();
        sizes.len()
    });
    for _ in 0..400 {
        log.note(&suspend()).await.unwrap();
        let last = log.entries() - 1;
        let read = log.read(last.checked_sub(1), 10).unwrap();
        assert_eq!(read.last().unwrap().index, last);
    }
    assert!(
        verifier.join().unwrap() > 2,
        "it was verified while it grew"
    );
}
