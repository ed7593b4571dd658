//! The id of a gateway, made once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use uuid::{NoContext, Timestamp, Uuid};

use crate::domain::Clock;

/// The id in `data_dir/gateway-id`; a UUIDv7 is made and kept there at the first start.
///
/// # Errors
/// When the file cannot be read or made, or does not hold an id.
pub fn gateway_id(data_dir: &Path, clock: &dyn Clock) -> io::Result<String> {
    let path = data_dir.join("gateway-id");
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path, data_dir, clock),
        Err(error) => Err(error),
    }
}

fn parse(text: &str) -> io::Result<String> {
    let id =
        Uuid::parse_str(text.trim()).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    Ok(id.to_string())
}

fn make(path: &Path, data_dir: &Path, clock: &dyn Clock) -> io::Result<String> {
    let millis = clock.unix_millis();
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, millis / 1000, nanos)).to_string();
    let draft = data_dir.join("gateway-id.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&draft)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(data_dir)?.sync_all()?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    #[test]
    fn the_id_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(1_760_000_000);
        let first = gateway_id(dir.path(), &clock).unwrap();
        assert_eq!(Uuid::parse_str(&first).unwrap().get_version_num(), 7);
        assert_eq!(gateway_id(dir.path(), &clock).unwrap(), first);
    }

    #[test]
    fn something_else_in_its_place_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("gateway-id"), "frankfurt").unwrap();
        let clock = ManualClock::at(1_760_000_000);
        assert!(gateway_id(dir.path(), &clock).is_err());
    }
}
