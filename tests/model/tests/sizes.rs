use registry_model::{FRANKFURT, Often, Procedure, Rules, Size, VIRGINIA};

pub fn all() -> Vec<(&'static str, Size)> {
    vec![
        ("races", races()),
        ("caches", caches()),
        ("rollback", rollback()),
        ("hostile", hostile()),
    ]
}

fn of(gateways: &[usize], apps: usize, often: Often) -> Size {
    Size {
        gateways: gateways.to_vec(),
        apps,
        often,
        rules: Rules::default(),
        unseen_losses: false,
        procedure: Procedure::AllStopped,
    }
}

pub fn races() -> Size {
    of(
        &[FRANKFURT, VIRGINIA],
        2,
        Often {
            registrations: 3,
            retirements: 1,
            crashes: 1,
            ..Often::default()
        },
    )
}

pub fn caches() -> Size {
    of(
        &[FRANKFURT, FRANKFURT],
        1,
        Often {
            registrations: 1,
            suspensions: 1,
            retirements: 1,
            outages: 1,
            crashes: 1,
            ..Often::default()
        },
    )
}

pub fn rollback() -> Size {
    of(
        &[FRANKFURT, VIRGINIA],
        1,
        Often {
            registrations: 2,
            retirements: 1,
            restores: 1,
            reconciliations: 1,
            ..Often::default()
        },
    )
}

pub fn hostile() -> Size {
    of(
        &[FRANKFURT, VIRGINIA],
        1,
        Often {
            registrations: 2,
            hostile_writes: 2,
            ..Often::default()
        },
    )
}
