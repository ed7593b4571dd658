//! MSYNC frames: the input is a frame, and also the chance from which a good one is made, of which
//! one byte is then changed.
//!
//! Whatever comes, nothing panics; every reading and every edit is what prost and plain code over
//! its types make of the same bytes, and only what is meant is refused beyond what prost refuses.

#![no_main]

#[path = "../../crates/msync/tests/it/agree.rs"]
mod agree;
#[path = "../../crates/msync/tests/it/make.rs"]
mod make;
#[path = "../../crates/msync/tests/it/oracle.rs"]
mod oracle;

use agree::agree;
use make::Chance;

const APP: &str = "711111111#1111111";

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    agree(data, APP);
    let [at, byte, chance @ ..] = data else {
        return;
    };
    let mut frame = Chance(chance).frame();
    agree(&frame, "acme#chat");
    let at = usize::from(*at) % frame.len().max(1);
    if let Some(place) = frame.get_mut(at) {
        *place = *byte;
    }
    agree(&frame, "acme#chat");
});
