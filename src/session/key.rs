//! Mask keys for frames that go to a WebSocket server.

use std::cell::RefCell;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

const KEYS: usize = 256;

/// A new key. It comes from a strong source, so that no frame tells the key of the next (RFC 6455
/// section 5.3), some at a time, so that a frame costs no system call.
pub(super) fn fresh() -> [u8; 4] {
    thread_local! {
        static READY: RefCell<Vec<[u8; 4]>> = const { RefCell::new(Vec::new()) };
    }
    READY.with_borrow_mut(|ready| {
        if ready.is_empty() {
            *ready = some();
        }
        ready.pop().unwrap_or_default()
    })
}

fn some() -> Vec<[u8; 4]> {
    let mut bytes = vec![0; 4 * KEYS];
    // Without randomness there is no TLS either: nothing would have come this far.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes.as_chunks().0.to_vec()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn keys_do_not_repeat_themselves() {
        let keys: HashSet<_> = (0..3 * super::KEYS).map(|_| super::fresh()).collect();
        assert!(keys.len() > 2 * super::KEYS);
    }
}
