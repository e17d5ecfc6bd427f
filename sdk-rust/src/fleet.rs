//! What admins ask of a hub: the state of its fleet, and to forget what will not come back.

use cadge_proto::cadge::v1::fleet_client::FleetClient;
use cadge_proto::cadge::v1::{FleetStatusRequest, ForgetCursorRequest, ForgetSensorRequest};

pub use cadge_proto::cadge::v1::{ConsumerState, FleetStatus, LogState, Sensor};

use crate::link::Calls;
use crate::{Client, Error};

/// The longest status: ten thousand sensors with all their counters, and room.
const STATUS_BYTES_MAX: usize = 256 << 20;

impl Client {
    /// What the hub knows of its log, its sensors and its consumers. Needs the role admin.
    pub async fn fleet_status(&self) -> Result<FleetStatus, Error> {
        self.link.answer(self.fleet_client().status(FleetStatusRequest {}).await)
    }

    /// Has the hub forget a cursor. Answers whether there was one. Needs the role admin.
    pub async fn forget_cursor(&self, name: &str) -> Result<bool, Error> {
        let request = ForgetCursorRequest { name: name.to_owned() };
        Ok(self.link.answer(self.fleet_client().forget_cursor(request).await)?.was_there)
    }

    /// Has the hub forget a sensor. Answers whether it was known. Needs the role admin.
    pub async fn forget_sensor(&self, name: &str) -> Result<bool, Error> {
        let request = ForgetSensorRequest { name: name.to_owned() };
        Ok(self.link.answer(self.fleet_client().forget_sensor(request).await)?.was_there)
    }

    fn fleet_client(&self) -> FleetClient<Calls> {
        FleetClient::new(self.link.calls()).max_decoding_message_size(STATUS_BYTES_MAX)
    }
}
