//! Proofs as files (c2sp.org/tlog-proof).

use tlog::{Checkpoint, Edge, EntryProof, Hash, ProofError, Signer, VerifierKey, inclusion_proof};

use crate::naive;

const ORIGIN: &str = "example.com/log";

fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[7; 32]).unwrap()
}

fn keys() -> [VerifierKey; 1] {
    [signer().verifier_key()]
}

fn proof(index: u64, size: usize, origin: &str) -> EntryProof {
    let entries = naive::entries(size);
    let mut edge = Edge::new();
    for entry in &entries {
        edge.append(Hash::of_leaf(entry), |_, _| {});
    }
    let head = Checkpoint::new(origin, edge.size(), edge.root()).unwrap();
    let hashes = inclusion_proof(index, edge.size(), |at| {
        Ok::<_, ()>(naive::subtree(&entries, at))
    });
    EntryProof {
        entry: entries[usize::try_from(index).unwrap()].clone(),
        index,
        hashes: hashes.unwrap().unwrap(),
        checkpoint: signer().sign(&head.to_string()).unwrap(),
    }
}

#[test]
fn a_proof_stands_alone() {
    for (index, size) in [(0, 1), (3, 7), (6, 7), (299, 300)] {
        let text = proof(index, size, ORIGIN).to_string();
        let read = EntryProof::parse(&text).unwrap();
        assert_eq!(read.to_string(), text);
        let head = read.verify(&keys()).unwrap();
        assert_eq!(
            (head.origin(), head.size()),
            (ORIGIN, u64::try_from(size).unwrap())
        );
    }
    let text = proof(1, 2, ORIGIN).to_string();
    let lines: Vec<_> = text.lines().take(4).collect();
    let neighbour = Hash::of_leaf(b"").to_string();
    assert_eq!(
        lines,
        [
            "c2sp.org/tlog-proof@v1",
            "extra AQE=",
            "index 1",
            &*neighbour
        ]
    );
}

#[test]
fn a_changed_byte_anywhere_is_found() {
    let text = proof(3, 7, ORIGIN).to_string();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        let verified = EntryProof::parse(&changed).and_then(|proof| proof.verify(&keys()));
        assert!(verified.is_err(), "byte {at}: {changed}");
    }
}

#[test]
fn only_the_keys_own_log_counts() {
    let other = proof(3, 7, "example.com/other");
    let error = ProofError::Origin("example.com/other".to_owned());
    assert_eq!(other.verify(&keys()), Err(error));
    let nobody = proof(3, 7, ORIGIN).verify(&[]);
    assert!(matches!(nobody, Err(ProofError::Note(_))));
}

#[test]
fn what_is_no_proof_is_refused() {
    let text = proof(3, 7, ORIGIN).to_string();
    for other in [
        String::new(),
        text.replace("@v1", "@v2"),
        text.replace("extra ", "extra"),
        text.replace("index 3", "index 03"),
        text.replace("\n\n", "\n"),
    ] {
        assert_eq!(EntryProof::parse(&other), Err(ProofError::Shape), "{other}");
    }
    let long = text.replace(
        "index 3\n",
        &format!(
            "index 3\n{}",
            format!("{}\n", Hash::of_empty_tree()).repeat(70)
        ),
    );
    assert_eq!(EntryProof::parse(&long), Err(ProofError::Shape));
}
