//! The gRPC services.

mod ingest;
mod inputs;
mod framed;
mod handed;
mod supply;
mod shared;
mod falco;
mod cadge;
mod history;
mod version;
mod fleet;
mod admin;
mod integrations;
mod gate;
mod calls;
mod metered;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cadge_integrations::Live;
use cadge_proto::raw::v1;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;
use tonic::transport::Server;
use tonic::{Request, Status};

use crate::announce::Announcer;
use crate::config::{Outputs, Role};
use crate::connect::connection::Connection;
use crate::consume::Consumers;
use crate::error::CallError;
use crate::filter::Filter;
use crate::fleet::Fleet;
use crate::history::History;
use crate::log::Entry;
use crate::metrics::Metrics;
use crate::view::View;
use calls::Calls;

pub(crate) use calls::Call;
pub(crate) use gate::Gate;
pub(crate) use metered::OnTheirWay;

/// Bytes of one gRPC message that is taken: a batch, with room to spare.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Bytes of one message of those who only ask.
const QUESTION_BYTES_MAX: usize = 64 << 10;

/// Calls on one connection at a time.
const STREAMS_MAX: u32 = 1024;

/// Bytes of a request's head.
const HEAD_BYTES_MAX: u32 = 16 << 10;

/// An end that was silent for so long is asked for a sign of life.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// What every service works with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) consumers: Consumers,
    pub(crate) history: Option<History>,
    pub(crate) integrations: Live,
    pub(crate) metrics: Metrics,
    pub(crate) fleet: Fleet,
    pub(crate) announcer: Announcer,
    pub(crate) outputs: Outputs,
    pub(crate) stop: CancellationToken,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Serves connections until it is told to stop.
pub(crate) async fn serve(
    context: Context,
    gate: Gate,
    connections: mpsc::Receiver<std::io::Result<Connection>>,
) -> Result<(), tonic::transport::Error> {
    use cadge_proto::falco::version::service_server::ServiceServer as VersionServer;
    use cadge_proto::raw::outputs::service_server::ServiceServer as FalcoServer;
    use cadge_proto::raw::v1::admin_server::AdminServer;
    use cadge_proto::raw::v1::fleet_server::FleetServer;
    use cadge_proto::raw::v1::history_server::HistoryServer;
    use cadge_proto::raw::v1::ingest_server::IngestServer;
    use cadge_proto::raw::v1::inputs_server::InputsServer;
    use cadge_proto::raw::v1::integrations_server::IntegrationsServer;
    use cadge_proto::raw::v1::outputs_server::OutputsServer;

    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<FalcoServer<falco::Falco>>().await;
    health.set_serving::<OutputsServer<cadge::Outputs>>().await;
    health.set_serving::<HistoryServer<history::History>>().await;
    health.set_serving::<IngestServer<ingest::Ingest>>().await;
    health.set_serving::<InputsServer<inputs::Inputs>>().await;
    health.set_serving::<FleetServer<fleet::Fleet>>().await;
    health.set_serving::<AdminServer<admin::Admin>>().await;
    health.set_serving::<IntegrationsServer<integrations::Integrations>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(cadge_proto::DESCRIPTORS)
        .build_v1()
        .expect("the descriptors come from the same build");
    let mut routes = RoutesBuilder::default();
    routes
        .add_service(
            FalcoServer::new(falco::Falco::new(context.clone()))
                .max_decoding_message_size(QUESTION_BYTES_MAX),
        )
        .add_service(VersionServer::new(version::Version).max_decoding_message_size(QUESTION_BYTES_MAX))
        .add_service(
            OutputsServer::new(cadge::Outputs(context.clone())).max_decoding_message_size(QUESTION_BYTES_MAX),
        )
        .add_service(
            HistoryServer::new(history::History(context.clone()))
                .max_decoding_message_size(QUESTION_BYTES_MAX),
        )
        .add_service(
            IngestServer::new(ingest::Ingest(context.clone())).max_decoding_message_size(MESSAGE_BYTES_MAX),
        )
        .add_service(
            InputsServer::new(inputs::Inputs::new(&context)).max_decoding_message_size(MESSAGE_BYTES_MAX),
        )
        .add_service(
            FleetServer::new(fleet::Fleet(context.clone())).max_decoding_message_size(QUESTION_BYTES_MAX),
        )
        .add_service(
            AdminServer::new(admin::Admin(context.clone())).max_decoding_message_size(QUESTION_BYTES_MAX),
        )
        .add_service(
            IntegrationsServer::new(integrations::Integrations(context.clone()))
                .max_decoding_message_size(QUESTION_BYTES_MAX),
        )
        .add_service(health_service.max_decoding_message_size(QUESTION_BYTES_MAX))
        .add_service(reflection.max_decoding_message_size(QUESTION_BYTES_MAX));
    let gate = Arc::new(gate);
    Server::builder()
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEAD_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .layer(tower::layer::layer_fn(move |routes| Calls::new(routes, Arc::clone(&gate))))
        .add_routes(routes.routes())
        .serve_with_incoming_shutdown(ReceiverStream::new(connections), context.stop.cancelled_owned())
        .await
}

/// Who calls, if they may.
fn caller<T>(request: &Request<T>, roles: &[Role]) -> Result<Arc<Call>, Status> {
    let Some(call) = request.extensions().get::<Arc<Call>>() else {
        return Err(Status::internal("the call has no caller"));
    };
    call.ask(roles)?;
    Ok(Arc::clone(call))
}

/// What a caller gets to see of the log: of what it may see, what it wants to. Whatever answers with alerts
/// reads the log by this.
fn view(call: &Call, filter: &str, fields: Vec<String>) -> Result<View, CallError> {
    if let Some(allowed) = &call.allowed {
        call.note("allowed", allowed.text());
    }
    if !filter.is_empty() {
        call.note("filter", filter);
    }
    let filter = match filter {
        "" => None,
        text => Some(Arc::new(Filter::new(text).map_err(|error| CallError::Request(error.to_string()))?)),
    };
    if !fields.is_empty() {
        call.note("fields", fields.clone());
    }
    Ok(View::default().only(call.allowed.clone()).only(filter).with_fields(fields).counted(call.reads()))
}

impl From<Entry> for v1::Entry {
    fn from(entry: Entry) -> Self {
        Self { position: entry.position, alert: Some(entry.alert) }
    }
}
