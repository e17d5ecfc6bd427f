//! Posts each alert as JSON to an address.

use std::collections::BTreeMap;

use reqwest::Method;

use super::Section;
use super::post::{JSON, Post};
use crate::format::canonical;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Integration, Setup, http};

keys! {
    /// The section `webhook`.
    pub(crate) struct Config {
        /// Where to.
        address: Secret = "",
        /// `POST` or `PUT`.
        method: String = "POST",
        /// Requests that are sent ahead of their answers while these come fast, on one connection and in order. Without
        /// encryption only. If the connection breaks, what was not answered comes again, with the same `uuid`. 1: each
        /// request waits for the answer before it.
        pipelining: usize = 16,
        /// Headers to add to each request.
        customheaders: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "webhook";
    const ABOUT: &'static str = "Posts each alert to an address, in falcosidekick's JSON.";
    const EXAMPLE: &'static str =
        "webhook:\n  address: URL\n  customheaders:\n    Authorization: Bearer T0KEN\n";

    fn is_on(&self) -> bool {
        !self.address.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let method = match self.method.to_ascii_uppercase().as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            other => return Err(format!("`method: {other}` is neither POST nor PUT")),
        };
        let address = http::url("address", self.address.reveal())?;
        let kinds = setup.kinds;
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| canonical(alert, kinds));
        // What it is, is not for a custom header to say.
        let post = post.by(method).custom(&self.customheaders)?.content_type(JSON).in_a_row(self.pipelining);
        Ok(post.boxed())
    }
}
