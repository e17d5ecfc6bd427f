//! Writes alerts into a table of PostgreSQL: many in one statement, each once.

mod database;

use super::Section;
use crate::settings::{Common, keys};
use crate::{Integration, Setup};

pub(super) use database::{Database, Server};

keys! {
    /// The section `postgresql`.
    pub(crate) struct Config {
        /// The table, perhaps behind a schema and a dot. It is made if it is not there: `uuid`, by which an alert that
        /// comes again is known, `time`, `rule`, `priority`, `source`, `output`, `tags`, `hostname` and `output_fields`.
        table: String = "alerts",
        + server: Server,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "postgresql";
    const ABOUT: &'static str = "Writes alerts into a table of PostgreSQL, many in one statement, each once.";
    const EXAMPLE: &'static str = "postgresql:\n  host: ADDRESS\n  password: T0KEN\n";

    fn is_on(&self) -> bool {
        !self.server.host.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        Ok(Box::new(Database::new(&self.server, &self.table, &[], true, setup)?))
    }
}
