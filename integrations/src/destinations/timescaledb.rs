//! Writes alerts into a hypertable of `TimescaleDB`, with falcosidekick's columns.

use super::Section;
use super::postgresql::{Database, Server};
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Integration, Setup};

keys! {
    /// The section `timescaledb`.
    pub(crate) struct Config {
        /// The database server.
        host: String = "",
        /// Its port.
        port: u16 = 5432,
        /// The user.
        user: String = "postgres",
        /// The user's password.
        password: Secret = "postgres",
        /// The database.
        database: String = "falcosidekick",
        /// The table, which has to be there, with the columns `time`, `rule`, `priority`, `source`, `output`, `tags` and
        /// `hostname`. An alert whose writing was not confirmed is written again: `postgresql` has it once.
        hypertablename: String = "falcosidekick_events",
        /// Fields that have a column of their own with the same name, such as custom ones.
        fields: Vec<String> = [],
        /// Whether the connection is encrypted.
        tls: bool = false,
        /// An authority to trust besides the system's.
        cacertfile: String = "",
        + certificates: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "timescaledb";
    const ABOUT: &'static str = "Writes alerts into a hypertable of TimescaleDB, many in one statement.";
    const EXAMPLE: &'static str = "timescaledb:\n  host: ADDRESS\n  password: T0KEN\n";

    fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let server = Server {
            host: &self.host,
            port: self.port,
            user: &self.user,
            password: &self.password,
            database: &self.database,
            trust: self.tls.then_some((&self.certificates, &self.cacertfile)),
        };
        Ok(Box::new(Database::new(&server, &self.hypertablename, &self.fields, false, setup)?))
    }
}
