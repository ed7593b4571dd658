//! The salt of a token.

use crate::registry::{NoRandomness, Randomness};

/// A number from 1 to 99999999.
///
/// # Errors
/// When there is no randomness.
pub fn random(randomness: &dyn Randomness) -> Result<u32, NoRandomness> {
    let mut bytes = [0; 8];
    randomness.fill(&mut bytes)?;
    // Of 64 random bits the remainder is even enough.
    let number = u64::from_le_bytes(bytes) % MOST + 1;
    u32::try_from(number).map_err(|_| NoRandomness)
}

const MOST: u64 = 99_999_999;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::SystemRandomness;

    #[test]
    fn salts_are_in_range_and_differ() {
        let salts: Vec<_> = (0..100)
            .map(|_| random(&SystemRandomness).unwrap())
            .collect();
        assert!(salts.iter().all(|salt| (1..=99_999_999).contains(salt)));
        assert!(salts.iter().any(|salt| *salt != salts[0]));
    }
}
