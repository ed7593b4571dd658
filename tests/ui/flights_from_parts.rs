//~ E0451
use std::sync::Arc;

use domicile::registry::Seen;
use domicile::zone::{Flights, Home};

pub fn forge(home: Arc<Home>, seen: Arc<Seen>) -> Flights {
    Flights { home, seen, flights: Vec::new() }
}
