//! Writes alerts into a table of PostgreSQL: many in one statement, each once.

mod database;

use super::Section;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Integration, Setup};

pub(super) use database::{Database, Server};

keys! {
    /// The section `postgresql`.
    pub(crate) struct Config {
        /// The database server.
        host: String = "",
        /// Its port.
        port: u16 = 5432,
        /// The user.
        user: String = "postgres",
        /// The user's password.
        password: Secret = "",
        /// The database.
        database: String = "cadge",
        /// The table, perhaps behind a schema and a dot. It is made if it is not there: `uuid`, by which an alert that
        /// comes again is known, `time`, `rule`, `priority`, `source`, `output`, `tags`, `hostname` and `output_fields`.
        table: String = "alerts",
        /// Fields that have a column of their own with the same name. The column has to be there.
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
    const NAME: &'static str = "postgresql";
    const ABOUT: &'static str = "Writes alerts into a table of PostgreSQL, many in one statement, each once.";
    const EXAMPLE: &'static str = "postgresql:\n  host: ADDRESS\n  password: T0KEN\n";

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
        Ok(Box::new(Database::new(&server, &self.table, &self.fields, true, setup)?))
    }
}
