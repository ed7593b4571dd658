//! Made frames, whole and damaged: prost is the judge.

use msync::{Fault, inspect_down, inspect_up};
use proptest::prelude::*;

use crate::agree::agree;
use crate::make::Chance;
use crate::support::APP;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn whole_frames_are_read_in_one_direction_at_least(chance in prop::collection::vec(any::<u8>(), 0..400)) {
        let frame = Chance(&chance).frame();
        agree(&frame, APP);
        let readings = [inspect_up(&frame, APP).err(), inspect_down(&frame, APP).err()];
        let read = readings.contains(&None) || readings == [Some(Fault::Command); 2];
        prop_assert!(read, "{readings:?}");
    }

    #[test]
    fn damaged_frames_are_judged_as_prost_does(
        chance in prop::collection::vec(any::<u8>(), 0..400),
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..4),
    ) {
        let mut frame = Chance(&chance).frame();
        for (at, how, byte) in damages {
            let at = at.index(frame.len() + 1);
            match how {
                0 => frame.insert(at, byte),
                1 => frame.truncate(at),
                2 if at < frame.len() => drop(frame.remove(at)),
                _ => {
                    if let Some(place) = frame.get_mut(at) {
                        *place ^= 1 << (byte % 8);
                    }
                }
            }
        }
        agree(&frame, APP);
    }

    #[test]
    fn any_bytes_at_all(frame in prop::collection::vec(any::<u8>(), 0..60)) {
        agree(&frame, APP);
    }
}
