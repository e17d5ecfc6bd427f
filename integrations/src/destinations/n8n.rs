//! Posts each alert to a workflow of n8n.

use reqwest::header::HeaderName;

use super::Section;
use super::post::Post;
use crate::format::canonical;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Integration, Setup, http};

keys! {
    /// The section `n8n`.
    pub(crate) struct Config {
        /// The address of the workflow's webhook.
        address: Secret = "",
        /// The user, if the webhook asks for one.
        user: String = "",
        /// Its password.
        password: Secret = "",
        /// The name of a header that the webhook asks for.
        headerauthname: String = "",
        /// What that header holds.
        headerauthvalue: Secret = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "n8n";
    const ABOUT: &'static str = "Posts each alert to a workflow of n8n.";
    const EXAMPLE: &'static str =
        "n8n:\n  address: URL\n  headerauthname: X-Token\n  headerauthvalue: T0KEN\n";

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
        if self.headerauthname.is_empty() {
            return Ok(post.boxed());
        }
        let name = self.headerauthname.parse::<HeaderName>();
        let name = name.map_err(|_| "`headerauthname` is no name of a header".to_owned())?;
        Ok(post.header(name, "headerauthvalue", self.headerauthvalue.reveal())?.boxed())
    }
}
