//! The sizes: each is about one kind of trouble, and as large as some seconds allow.

use registry_model::{FRANKFURT as F, HOSTILE as H, Often, Procedure, Rules, Size, VIRGINIA as V};

const NEVER: Often = Often {
    registrations: 0,
    suspensions: 0,
    retirements: 0,
    crashes: 0,
    outages: 0,
    restores: 0,
    reconciliations: 0,
    hostile_writes: 0,
};

/// App 1 has App 0's App ID, App 2 shares nothing.
const ONE: &[usize] = &[0];
const RIVALS: &[usize] = &[0, 1];
const TWO: &[usize] = &[0, 2];

fn of(gateways: &[usize], apps: &'static [usize], often: Often) -> Size {
    Size {
        gateways: gateways.to_vec(),
        apps,
        asked: apps,
        often,
        rules: Rules::default(),
        unseen_losses: false,
        procedure: Procedure::AllStopped,
    }
}

/// Two regions register Apps that share an App ID; one crashes, its transaction may come late.
pub fn races() -> Size {
    let often = Often {
        registrations: 3,
        crashes: 1,
        ..NEVER
    };
    of(&[F, V], RIVALS, often)
}

/// Two gateways of the home region and one of another: what they remember of changes.
pub fn three() -> Size {
    let often = Often {
        registrations: 2,
        retirements: 1,
        ..NEVER
    };
    of(&[F, F, V], ONE, often)
}

/// Two gateways of a region; one may lose the store, and find it again.
pub fn outage() -> Size {
    let often = Often {
        registrations: 1,
        suspensions: 1,
        retirements: 1,
        outages: 1,
        ..NEVER
    };
    of(&[F, F], ONE, often)
}

/// A suspension that is lifted while the other gateway retires.
pub fn changes() -> Size {
    let often = Often {
        registrations: 1,
        suspensions: 2,
        retirements: 1,
        ..NEVER
    };
    of(&[F, F], ONE, often)
}

/// Two regions, a crash, a restore, reconciling.
pub fn rollback() -> Size {
    let often = Often {
        registrations: 2,
        crashes: 1,
        restores: 1,
        reconciliations: 1,
        ..NEVER
    };
    of(&[F, V], ONE, often)
}

/// Two gateways of a region, a retirement, a restore, reconciling.
pub fn forgotten_retirement() -> Size {
    let often = Often {
        registrations: 1,
        retirements: 1,
        restores: 1,
        reconciliations: 1,
        ..NEVER
    };
    of(&[F, F], ONE, often)
}

/// Two regions and two Apps: who has seen one of them lost knows nothing of the other.
pub fn partly_seen() -> Size {
    let often = Often {
        registrations: 3,
        restores: 1,
        ..NEVER
    };
    Size {
        asked: &[],
        ..of(&[F, V], TWO, often)
    }
}

/// A third region that writes what its keys and credentials allow.
pub fn hostile() -> Size {
    let often = Often {
        registrations: 1,
        hostile_writes: 2,
        ..NEVER
    };
    of(&[F, V], ONE, often)
}

/// With an administrator who asks again after the crash, and another region's.
pub fn rollback_asked_again() -> Size {
    let mut size = rollback();
    size.often.registrations = 3;
    size.asked = &[];
    size
}

/// The same hostile region, and an administrator of each honest one.
pub fn hostile_twice() -> Size {
    let mut size = hostile();
    size.often.registrations = 2;
    size
}

/// The hostile region's chain is not empty.
pub fn hostile_with_commits() -> Size {
    let mut size = hostile();
    size.gateways.push(H);
    size.asked = &[];
    size
}
