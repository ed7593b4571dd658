//~ E0624
use std::sync::Arc;
use domicile::registry::{App, Known, Seen};

pub fn forge(known: Arc<Known>, app: Arc<App>) -> Seen {
    Seen::new(known, app)
}
