//! Checkpoints (c2sp.org/tlog-checkpoint).

use proptest::prelude::*;
use tlog::{Checkpoint, CheckpointError, Hash};

const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

#[test]
fn the_specifications_checkpoint_is_read() {
    let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
    let head = Checkpoint::parse(&text).unwrap();
    assert_eq!(
        (head.origin(), head.size()),
        ("example.com/behind-the-sofa", 20_852_163)
    );
    assert_eq!(head.root(), Hash::from_base64(ROOT).unwrap());
    assert_eq!(head.to_string(), text);
    let extended = format!("{text}extension\n");
    assert_eq!(Checkpoint::parse(&extended), Ok(head));
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    use CheckpointError::*;
    for (text, error) in [
        (String::new(), Lines),
        (format!("a\n1\n{ROOT}"), Lines),
        (format!("a\n1\n{ROOT}\n\n"), Lines),
        (format!("a\n1\n{ROOT}\n\nextension\n"), Lines),
        (format!("\n1\n{ROOT}\n"), Origin),
        (format!("a\n01\n{ROOT}\n"), Size),
        (format!("a\n+1\n{ROOT}\n"), Size),
        (format!("a\n-1\n{ROOT}\n"), Size),
        (format!("a\n\n{ROOT}\n"), Size),
        (format!("a\n18446744073709551616\n{ROOT}\n"), Size),
        ("a\n1\n".to_owned(), Root),
        (format!("a\n1\n{}\n", ROOT.replace("q2I=", "q2J=")), Root),
        ("a\n1\nTszzRgjTG6xce+z2AG31kAXYKBgQ\n".to_owned(), Root),
    ] {
        assert_eq!(Checkpoint::parse(&text), Err(error), "{text}");
    }
    let root = Hash::of_empty_tree();
    for origin in ["", "a\nb"] {
        assert_eq!(Checkpoint::new(origin, 0, root), Err(Origin));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(origin in "[!-~]{1,40}", size: u64, root: [u8; 32]) {
        let head = Checkpoint::new(&origin, size, Hash(root)).unwrap();
        prop_assert_eq!(Checkpoint::parse(&head.to_string()), Ok(head));
    }
}
