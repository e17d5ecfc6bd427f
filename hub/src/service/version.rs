//! The versions of the hub and of its rule engine.

use cadge_proto::falco::version::{Request, Response, service_server};
use tonic::{Request as Call, Response as Answer, Status};

/// What follows `-` in the version, if anything.
const PRERELEASE: &str = env!("CARGO_PKG_VERSION_PRE");

/// The service. Every caller may ask.
pub(super) struct Version;

#[tonic::async_trait]
impl service_server::Service for Version {
    async fn version(&self, _: Call<Request>) -> Result<Answer<Response>, Status> {
        let part = |text: &str| text.parse().unwrap_or_default();
        let (engine_major, engine_minor, engine_patch) = cadge_engine::LANGUAGE_VERSION;
        Ok(Answer::new(Response {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            major: part(env!("CARGO_PKG_VERSION_MAJOR")),
            minor: part(env!("CARGO_PKG_VERSION_MINOR")),
            patch: part(env!("CARGO_PKG_VERSION_PATCH")),
            prerelease: PRERELEASE.to_owned(),
            build: String::new(),
            engine_minor,
            engine_fields_checksum: String::new(),
            engine_major,
            engine_patch,
            engine_version: format!("{engine_major}.{engine_minor}.{engine_patch}"),
        }))
    }
}
