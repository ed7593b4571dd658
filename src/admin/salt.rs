//! The salt of a token.

use aws_lc_rs::rand;

use super::key::NoRandomness;

/// A number from 1 to 99999999.
///
/// # Errors
/// When the system gives no random bytes.
pub fn random() -> Result<u32, NoRandomness> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    // Of 64 random bits the remainder is even enough.
    let number = u64::from_le_bytes(bytes) % MOST + 1;
    u32::try_from(number).map_err(|_| NoRandomness)
}

const MOST: u64 = 99_999_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_are_in_range_and_differ() {
        let salts: Vec<_> = (0..100).map(|_| random().unwrap()).collect();
        assert!(salts.iter().all(|salt| (1..=99_999_999).contains(salt)));
        assert!(salts.iter().any(|salt| *salt != salts[0]));
    }
}
