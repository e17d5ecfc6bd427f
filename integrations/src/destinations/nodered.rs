//! Posts each alert to a flow of Node-RED.

use std::collections::BTreeMap;

use super::Section;
use super::post::Post;
use crate::format::canonical;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Integration, Setup, http};

keys! {
    /// The section `nodered`.
    pub(crate) struct Config {
        /// The address of the flow's node `http in`.
        address: Secret = "",
        /// The user, if the node asks for one.
        user: String = "",
        /// Its password.
        password: Secret = "",
        /// Headers to add to each request.
        customheaders: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "nodered";
    const ABOUT: &'static str = "Posts each alert to a flow of Node-RED.";
    const EXAMPLE: &'static str = "nodered:\n  address: URL\n  user: falco\n  password: T0KEN\n";

    fn is_on(&self) -> bool {
        !self.address.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let address = http::url("address", self.address.reveal())?;
        let kinds = setup.kinds;
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| canonical(alert, kinds));
        let post = post.basic(&self.user, "password", &self.password)?;
        Ok(post.custom(&self.customheaders)?.boxed())
    }
}
