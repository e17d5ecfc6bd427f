//! The file in which a hub remembers its sensors, so that one that goes away with the hub is missed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use cadge_proto::raw::v1::{FleetFile, Sensor};
use prost::Message as _;

/// The file.
#[derive(Clone, Debug)]
pub(super) struct Store {
    path: Option<PathBuf>,
    /// Names this hub among those that share a log.
    pub(super) hub: u64,
}

impl Store {
    /// Reads the file. One that cannot be read is moved away: to know no sensor is better than not to start.
    /// Without a path nothing is remembered.
    pub(super) fn open(path: Option<PathBuf>) -> (Self, Vec<Sensor>) {
        let file = path.as_deref().map(known).unwrap_or_default();
        let hub = if file.hub == 0 { new_name() } else { file.hub };
        (Self { path, hub }, file.sensors)
    }

    /// Writes the file anew. Counters are left out: they are old at once.
    pub(super) fn write(&self, mut sensors: Vec<Sensor>) -> io::Result<()> {
        for sensor in &mut sensors {
            sensor.counters.clear();
        }
        let Some(path) = &self.path else { return Ok(()) };
        let bytes = FleetFile { hub: self.hub, sensors }.encode_to_vec();
        let fresh = path.with_extension("fleet-new");
        let mut file = File::create(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        fs::rename(&fresh, path)
    }

    /// Where it is, for errors.
    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new("nowhere"))
    }
}

fn known(path: &Path) -> FleetFile {
    match read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FleetFile::default(),
        Err(error) => {
            let aside = path.with_extension("fleet-unreadable");
            tracing::error!(%error, path = %path.display(), aside = %aside.display(), "the sensors of before can't be read: the file is moved aside");
            let _ = fs::rename(path, aside);
            FleetFile::default()
        }
    }
}

fn read(path: &Path) -> io::Result<FleetFile> {
    FleetFile::decode(fs::read(path)?.as_slice())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The moment, as a number that no other hub has: a log's cursors hold numbers below 2^63.
fn new_name() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(1) & (u64::MAX >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensor(name: &str) -> Sensor {
        let counters = [("events_total".to_owned(), 1)].into();
        Sensor { sensor: name.to_owned(), silent: true, counters, ..Sensor::default() }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.fleet");
        let (store, sensors) = Store::open(Some(path.clone()));
        assert!(sensors.is_empty());
        store.write(vec![sensor("a"), sensor("b")]).unwrap();
        let (again, sensors) = Store::open(Some(path));
        assert_eq!((again.hub, sensors.len()), (store.hub, 2));
        assert!(sensors[0].silent && sensors[0].counters.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_file_is_read_or_moved_aside(bytes: Vec<u8>) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log.fleet");
            fs::write(&path, bytes).unwrap();
            let (store, _) = Store::open(Some(path.clone()));
            store.write(vec![sensor("a")]).unwrap();
            proptest::prop_assert_eq!(Store::open(Some(path)).1.len(), 1);
        }
    }
}
