//! Randomness as an argument.

/// The operating system gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no randomness is available")]
pub struct NoRandomness;

/// A cryptographically secure source. Whoever needs one takes it, so that tests can repeat it.
pub trait Randomness: Send + Sync + 'static {
    /// # Errors
    /// When the source fails; nothing may be made then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The operating system's source, through AWS-LC.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        aws_lc_rs::rand::fill(bytes).map_err(|_| NoRandomness)
    }
}

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>(source: &dyn Randomness) -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    source.fill(&mut bytes)?;
    Ok(bytes)
}

/// `2 * N` random lower-case hexadecimal digits.
pub(crate) fn digits<const N: usize>(source: &dyn Randomness) -> Result<String, NoRandomness> {
    Ok(hex::encode(bytes::<N>(source)?))
}
