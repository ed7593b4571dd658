//! Masking (RFC 6455, section 5.3), which is its own inverse.

/// XORs a whole payload with the key, in place.
pub fn mask(payload: &mut [u8], key: [u8; 4]) {
    let word = u32::from_ne_bytes(key);
    let wide = (u64::from(word) << 32) | u64::from(word);
    let (steps, rest) = payload.as_chunks_mut::<8>();
    for step in steps {
        *step = (u64::from_ne_bytes(*step) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// The same for a part of a payload that starts `offset` bytes into it.
pub fn mask_at(part: &mut [u8], mut key: [u8; 4], offset: usize) {
    key.rotate_left(offset % 4);
    mask(part, key);
}

/// Makes a client's frame of one that was just unmasked, without moving it: writes `key` over the
/// header's and masks the payload. `frame` is the whole frame, `header` the length of its header in
/// bytes, both as [`Read::Message`](crate::Read::Message) gives them for a `whole` message that
/// was read as [`Role::Server`](crate::Role::Server).
///
/// What is not such a frame (it has no room for a key) is left alone.
pub fn remask(frame: &mut [u8], header: usize, key: [u8; 4]) {
    let Some((header, payload)) = frame.split_at_mut_checked(header) else {
        return;
    };
    let masked = header.get(1).is_some_and(|byte| byte & MASKED != 0);
    let Some((before, place)) = header.split_last_chunk_mut() else {
        return;
    };
    if masked && before.len() >= 2 {
        *place = key;
        mask(payload, key);
    }
}

/// The bit of a header's second byte that announces a key.
pub(crate) const MASKED: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    #[test]
    fn every_byte_meets_its_own_key_byte() {
        for length in 0..70 {
            let mut payload: Vec<u8> = (0..length).collect();
            mask(&mut payload, KEY);
            let expected = (0..length).map(|at| at ^ KEY[usize::from(at) % 4]);
            assert!(payload.iter().copied().eq(expected), "{length}");
        }
    }

    #[test]
    fn parts_are_masked_like_the_whole() {
        let whole = |mut payload: Vec<u8>| {
            mask(&mut payload, KEY);
            payload
        };
        for cut in 0..40 {
            let mut payload: Vec<u8> = (0..40).collect();
            let (first, second) = payload.split_at_mut(cut);
            mask(first, KEY);
            mask_at(second, KEY, cut);
            assert_eq!(payload, whole((0..40).collect()), "{cut}");
        }
    }

    #[test]
    fn only_a_frame_with_a_key_is_masked_again() {
        for (frame, header) in [
            (&b"\x82\x01x"[..], 2),
            (b"\x82\x81", 6),
            (b"\x82\x81\0\0", 4),
            (b"", 0),
        ] {
            let mut copy = frame.to_vec();
            remask(&mut copy, header, KEY);
            assert_eq!(copy, frame);
        }
    }
}
