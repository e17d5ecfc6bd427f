//! Writes alerts into a hypertable of `TimescaleDB`, with falcosidekick's columns.

use super::Section;
use super::postgresql::{Database, Server};
use crate::settings::{Common, keys};
use crate::{Integration, Setup};

keys! {
    /// The section `timescaledb`.
    pub(crate) struct Config {
        /// The table, which has to be there, with the columns `time`, `rule`, `priority`, `source`, `output`, `tags` and
        /// `hostname`. An alert whose writing was not confirmed is written again: `postgresql` has it once.
        hypertablename: String = "falcosidekick_events",
        + server: Server { password = "postgres", database = "falcosidekick" },
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "timescaledb";
    const ABOUT: &'static str = "Writes alerts into a hypertable of TimescaleDB, many in one statement.";
    const EXAMPLE: &'static str = "timescaledb:\n  host: ADDRESS\n  password: T0KEN\n";

    fn is_on(&self) -> bool {
        !self.server.host.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        Ok(Box::new(Database::new(&self.server, &self.hypertablename, &setup.added_fields, false, setup)?))
    }
}
