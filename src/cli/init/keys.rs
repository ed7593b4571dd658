//! A region's keys.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::config::{self, PinSigningKey};
use crate::domain::{Clock, RegionId};
use crate::registry::{NoRandomness, Randomness};

/// The texts of the two key files, and the public half of the pin key.
pub struct Keys {
    pub seal: Zeroizing<String>,
    pub pin: Zeroizing<String>,
    pub pin_id: String,
    /// Base64 of an Ed25519 public key.
    pub pin_public: String,
}

/// # Errors
/// When there is no randomness, or the clock is wrong.
pub fn generate(
    region: &RegionId,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> anyhow::Result<Keys> {
    let id = id(region, clock)?;
    let pin = PinSigningKey {
        id: id.clone(),
        seed: random(randomness)?,
    };
    let public = pin.public_key();
    let public = public.context("cannot make an Ed25519 key on this machine")?;
    Ok(Keys {
        seal: file(SEAL, &id, &*random(randomness)?),
        pin: file(PIN, &id, &pin.seed),
        pin_public: STANDARD.encode(public),
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

fn random(randomness: &dyn Randomness) -> Result<Zeroizing<[u8; 32]>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; 32]);
    randomness.fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

fn file(about: &str, id: &str, key: &[u8; 32]) -> Zeroizing<String> {
    let line = config::keys::render(id, key);
    Zeroizing::new(format!(
        "# {about}\n# A key a line, newest first: ID base64. Keep older ones below a new one.\n{}",
        line.as_str()
    ))
}
