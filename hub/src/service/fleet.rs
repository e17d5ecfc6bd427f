//! The fleet for admins: what the hub knows of sensors, consumers and its log.

use std::time::SystemTime;

use cadge_proto::raw::v1::{
    ConsumerState, FleetStatus, FleetStatusRequest, ForgetCursorRequest, ForgetCursorResponse,
    ForgetSensorRequest, ForgetSensorResponse, LogState, fleet_server,
};
use tonic::{Request, Response, Status};

use super::{Context, caller};
use crate::error::CallError;

/// The service.
pub(super) struct Fleet(pub(super) Context);

#[tonic::async_trait]
impl fleet_server::Fleet for Fleet {
    async fn status(&self, request: Request<FleetStatusRequest>) -> Result<Response<FleetStatus>, Status> {
        caller(&request, &[])?;
        let log = self.0.consumers.log().status().await.map_err(CallError::Log)?;
        let consumers = self.0.consumers.all().await.map_err(CallError::Log)?;
        let consumer = |(name, place): (String, crate::consume::Place)| ConsumerState {
            name,
            position: place.position,
            lag: log.head.saturating_sub(place.position),
            streams: place.streams,
        };
        let left_out = self.0.fleet.left_out();
        Ok(Response::new(FleetStatus {
            sensors_forgotten: left_out.sensors,
            counters_refused: left_out.counters,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: Some(self.0.fleet.started.into()),
            now: Some(SystemTime::now().into()),
            sensors: self.0.fleet.sensors(),
            consumers: consumers.into_iter().map(consumer).collect(),
            log: Some(LogState {
                kind: log.kind.to_owned(),
                path: log.path,
                first: log.first,
                head: log.head,
                bytes: log.bytes,
            }),
        }))
    }

    async fn forget_cursor(
        &self,
        request: Request<ForgetCursorRequest>,
    ) -> Result<Response<ForgetCursorResponse>, Status> {
        let call = caller(&request, &[])?;
        let name = request.into_inner().name;
        call.note("cursor", name.clone());
        let was_there = self.0.consumers.forget(&name).await.map_err(CallError::Log)?.map_err(|streams| {
            Status::failed_precondition(format!("`{name}` is in use by {streams} streams: end them first"))
        })?;
        tracing::info!(by = %call.name, cursor = name, was_there, "a cursor is forgotten");
        Ok(Response::new(ForgetCursorResponse { was_there }))
    }

    async fn forget_sensor(
        &self,
        request: Request<ForgetSensorRequest>,
    ) -> Result<Response<ForgetSensorResponse>, Status> {
        let call = caller(&request, &[])?;
        let name = request.into_inner().name;
        call.note("sensor", name.clone());
        let was_there = self.0.fleet.forget(&name);
        tracing::info!(by = %call.name, sensor = name, was_there, "a sensor is forgotten");
        Ok(Response::new(ForgetSensorResponse { was_there }))
    }
}
