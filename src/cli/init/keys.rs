//! A region's keys.

use anyhow::{Context, bail};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::domain::{Clock, RegionId};
use crate::registry::Randomness;

/// The texts of the two key files, and the public half of the pin key.
pub struct Keys {
    pub seal: Zeroizing<String>,
    pub pin: Zeroizing<String>,
    pub pin_id: String,
    /// Base64 of an Ed25519 public key.
    pub pin_public: String,
}

/// # Errors
/// When the system gives no random bytes.
pub fn generate(
    region: &RegionId,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> anyhow::Result<Keys> {
    let id = id(region, clock)?;
    let seal = random(randomness)?;
    let seed = random(randomness)?;
    let Ok(pair) = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()) else {
        bail!("cannot make an Ed25519 key on this machine");
    };
    Ok(Keys {
        seal: file(SEAL, &id, &seal),
        pin: file(PIN, &id, &seed),
        pin_public: STANDARD.encode(pair.public_key().as_ref()),
        pin_id: id,
    })
}

const SEAL: &str =
    "AES-256 keys that seal this region's records. Without them the records are lost.";
const PIN: &str =
    "Ed25519 keys that sign this region's pins. Whoever has them can pin Apps to this region.";

/// The region and the day, such as `frankfurt-2026-11-23`.
fn id(region: &RegionId, clock: &dyn Clock) -> anyhow::Result<String> {
    let seconds = i64::try_from(clock.unix()).context("this machine's clock is wrong")?;
    let day = Timestamp::from_second(seconds).context("this machine's clock is wrong")?;
    Ok(format!("{region}-{}", day.strftime("%Y-%m-%d")))
}

fn random(randomness: &dyn Randomness) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    randomness.fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

fn file(about: &str, id: &str, key: &[u8; 32]) -> Zeroizing<String> {
    let text = Zeroizing::new(STANDARD.encode(key));
    Zeroizing::new(format!(
        "# {about}\n# A key a line, newest first: ID base64. Keep older ones below a new one.\n{id} {}\n",
        text.as_str()
    ))
}
