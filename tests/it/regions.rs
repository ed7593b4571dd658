//! P1: an App's requests reach the zone that it is pinned to, and no other.

use crate::harness::{Call, REGIONS, Via, World};

/// Control: `Locator::locate` lets only Apps of this region pass, `Zones::bind` picks the pin's zone.
#[tokio::test]
async fn every_zone_gets_its_own_apps_and_no_others() {
    let world = World::of(World::plan().everywhere()).await;
    for (_, zones) in REGIONS {
        for zone in zones {
            let app = world.app(zone).await;
            for via in Via::ALL {
                for (region, _) in REGIONS {
                    let answer = world.call(region, Call::plain_of(&app).via(via)).await;
                    if region == app.region {
                        assert_eq!(answer.verdict(), (200, "-"), "{zone} by {via:?}");
                        assert_eq!(answer.json()["zone"], *zone);
                    } else {
                        assert_eq!(answer.verdict(), (421, "app_lives_elsewhere"));
                        assert_eq!(answer.json()["home_region"], app.region);
                    }
                }
            }
            assert_eq!(world.centre(zone).requests().len(), Via::ALL.len());
        }
    }
    assert_eq!(world.forwarded(), 5 * Via::ALL.len());
    world.finish().await;
}
