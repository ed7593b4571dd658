//! What a crash at any point leaves, and what is not a crash.

use std::time::Duration;

use tlog::{Checkpoint, Note, Signer};

use super::*;

/// Adds so many entries to the log, closes it, and lets a start clear partial tiles of earlier
/// batches away.
async fn log_of(bench: &Bench, entries: usize) {
    let log = bench.open().unwrap();
    let notes = (0..entries).map(|_| async { log.note(&suspend()).await.unwrap() });
    futures_util::future::join_all(notes).await;
    drop(log);
    drop(bench.open().unwrap());
}

fn head(bench: &Bench) -> Checkpoint {
    let note = fs::read(bench.path("checkpoint")).unwrap();
    let key = Signer::from_seed(&origin().to_string(), &SEED).unwrap();
    let keys = [key.verifier_key()];
    let note = Note::open(&note, &keys).unwrap();
    Checkpoint::parse(note.text()).unwrap()
}

fn fault(bench: &Bench) -> Fault {
    match bench.open().unwrap_err() {
        OpenError::Corrupt { fault, .. } => fault,
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_new_log_has_a_checkpoint_and_a_key() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    let head = head(&bench);
    assert_eq!((head.size(), log.entries()), (0, 0));
    assert_eq!(
        head.origin(),
        "domicile/frankfurt/0199c5a0-0000-7000-8000-000000000000"
    );
    let vkey = fs::read_to_string(bench.path("vkey")).unwrap();
    assert!(vkey.starts_with(head.origin()) && vkey.ends_with('\n'));
    assert_eq!(bench.files().len(), 2);
}

#[tokio::test]
async fn each_answered_entry_is_in_the_checkpoint() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    for size in 1..=3 {
        bench.clock.advance(Duration::from_secs(1));
        log.note(&suspend()).await.unwrap();
        assert_eq!((head(&bench).size(), log.entries()), (size, size));
        assert_eq!(log.checkpoint_time(), NOW + size);
        let file = fs::read_to_string(bench.path("checkpoint")).unwrap();
        assert_eq!(*log.checkpoint(), *file);
    }
}

#[tokio::test]
async fn a_restart_goes_on_where_the_log_ends() {
    for entries in [1, 255, 256, 257, 520] {
        let bench = Bench::new();
        log_of(&bench, entries).await;
        let before = head(&bench);
        let log = bench.open().unwrap();
        assert_eq!(head(&bench), before, "opening changes nothing");
        log.note(&suspend()).await.unwrap();
        let all = log.read(None, 1_000).unwrap();
        assert_eq!(indices(&all), (0..=entries as u64).collect::<Vec<_>>());
        assert!(!bench.log().with_added_extension("torn").exists());
    }
}

/// Written and synced, but the process ended before the checkpoint: nobody was told of it.
#[tokio::test]
async fn entries_without_a_checkpoint_are_set_aside() {
    for (entries, more) in [(3, 2), (250, 20), (255, 256), (256, 1), (300, 256)] {
        let bench = Bench::new();
        log_of(&bench, entries).await;
        let (before, files) = (head(&bench), bench.files());
        log_of(&bench, more).await;
        // Back to the old checkpoint, with all that was written after it.
        fs::write(bench.path("checkpoint"), &files["checkpoint"]).unwrap();
        for (name, bytes) in files.iter().filter(|(name, _)| name.contains(".p/")) {
            fs::create_dir_all(bench.path(name).parent().unwrap()).unwrap();
            fs::write(bench.path(name), bytes).unwrap();
        }
        drop(bench.open().unwrap());
        assert_eq!(head(&bench), before);
        let now = bench.files();
        let names: (Vec<_>, Vec<_>) = (now.keys().collect(), files.keys().collect());
        assert_eq!(names.0, names.1, "{entries} + {more}");
        assert!(now == files, "{entries} + {more}");
        let aside = fs::read_dir(bench.log().with_added_extension("torn"));
        assert!(aside.unwrap().count() > 0);
        let log = bench.open().unwrap();
        log.note(&suspend()).await.unwrap();
        assert_eq!(log.entries(), entries as u64 + 1);
    }
}

#[tokio::test]
async fn a_lost_lowest_tile_is_made_again() {
    let bench = Bench::new();
    log_of(&bench, 300).await;
    let files = bench.files();
    for damage in [None, Some("short")] {
        let path = bench.path("tile/0/001.p/44");
        match damage {
            None => fs::remove_file(&path).unwrap(),
            Some(bytes) => fs::write(&path, bytes).unwrap(),
        }
        drop(bench.open().unwrap());
        assert!(bench.files() == files);
    }
}

#[tokio::test]
async fn drafts_of_a_crash_go_away() {
    let bench = Bench::new();
    log_of(&bench, 3).await;
    let files = bench.files();
    fs::write(bench.path("checkpoint.new"), "half").unwrap();
    fs::write(bench.path("vkey.new"), "half").unwrap();
    drop(bench.open().unwrap());
    assert!(bench.files() == files);
}

#[tokio::test]
async fn a_log_that_is_not_what_its_checkpoint_says_is_not_opened() {
    let bench = Bench::new();
    log_of(&bench, 300).await;
    let last = bench.path("tile/entries/001.p/44");
    let whole = fs::read(&last).unwrap();

    let mut changed = whole.clone();
    changed[20] ^= 1;
    fs::write(&last, &changed).unwrap();
    assert!(matches!(fault(&bench), Fault::Root));

    fs::write(&last, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(fault(&bench), Fault::Length(_)));

    fs::remove_file(&last).unwrap();
    assert!(matches!(fault(&bench), Fault::Missing(_)));
    fs::write(&last, &whole).unwrap();

    let first = bench.path("tile/1/000.p/1");
    let tile = fs::read(&first).unwrap();
    fs::write(&first, [0; 32]).unwrap();
    assert!(matches!(fault(&bench), Fault::Root));
    fs::write(&first, tile).unwrap();

    let note = fs::read_to_string(bench.path("checkpoint")).unwrap();
    fs::write(bench.path("checkpoint"), note.replace("300", "299")).unwrap();
    assert!(matches!(fault(&bench), Fault::Note(_)));
    fs::remove_file(bench.path("checkpoint")).unwrap();
    assert!(matches!(fault(&bench), Fault::NoCheckpoint));
    fs::write(bench.path("checkpoint"), note).unwrap();
    assert_eq!(bench.open().unwrap().entries(), 300);
}

#[tokio::test]
async fn a_log_of_another_gateway_is_not_gone_on_with() {
    let bench = Bench::new();
    log_of(&bench, 3).await;
    let other = Origin {
        gateway_id: "another".to_owned(),
        ..origin()
    };
    let opened = AuditLog::open(&bench.log(), other, &[&SEED], bench.clock.clone());
    assert!(matches!(opened, Err(OpenError::Corrupt { .. })));
}

#[tokio::test]
async fn a_new_key_signs_what_the_old_one_has_signed() {
    let bench = Bench::new();
    log_of(&bench, 3).await;
    let new = [8; 32];
    assert!(matches!(
        bench.open_with(&[&new]).unwrap_err(),
        OpenError::Corrupt { .. }
    ));
    let before = fs::read_to_string(bench.path("vkey")).unwrap();
    let log = bench.open_with(&[&new, &SEED]).unwrap();
    assert_eq!(log.entries(), 3);
    drop(log);
    assert_ne!(fs::read_to_string(bench.path("vkey")).unwrap(), before);
    // The old key is not needed any more.
    assert_eq!(bench.open_with(&[&new]).unwrap().entries(), 3);
}

/// Partial tiles of a few earlier checkpoints stay for their readers, and not more.
#[tokio::test]
async fn the_folder_does_not_fill_up_with_partial_tiles() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    for _ in 0..300 {
        log.note(&suspend()).await.unwrap();
    }
    let partials = |files: &BTreeMap<String, Vec<u8>>, kind: &str| {
        files
            .keys()
            .filter(|name| name.starts_with(kind) && name.contains(".p/"))
            .count()
    };
    let files = bench.files();
    for kind in ["tile/entries/", "tile/0/"] {
        assert_eq!(partials(&files, kind), log::KEPT + 1, "{kind}");
    }
    assert_eq!(partials(&files, "tile/1/"), 1);
    assert!(files.contains_key("tile/entries/000"));
    assert!(!bench.path("tile/entries/000.p").exists());
    drop(log);
    drop(bench.open().unwrap());
    let files = bench.files();
    assert_eq!(partials(&files, "tile/"), 3, "{:?}", files.keys());
}

#[tokio::test]
async fn an_entry_that_no_bundle_can_hold_is_refused_alone() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    let mut long = suspend();
    long.actor = Actor::Account("a".repeat(70_000));
    assert_eq!(log.begin(long).await.err(), Some(AuditError::TooLong));
    log.note(&suspend()).await.unwrap();
    assert_eq!(log.entries(), 1);
}
