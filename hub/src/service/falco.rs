//! Falco's own API: `sub` and `get`, out of stored bytes.

use cadge_proto::raw::RawAlert;
use cadge_proto::raw::outputs;
use tonic::{Request, Response, Status, Streaming};

use super::supply::{self, Supply};
use super::{Answers, Call, Context, caller, handed, view};
use crate::config::Role;
use crate::consume::{Consumer, Start};
use crate::error::CallError;
use crate::heard::Heard;

/// The service.
pub(super) struct Falco(pub(super) Context);

#[tonic::async_trait]
impl outputs::service_server::Service for Falco {
    type subStream = Answers<RawAlert>;
    type getStream = Answers<RawAlert>;

    async fn sub(
        &self,
        request: Request<Streaming<outputs::Request>>,
    ) -> Result<Response<Self::subStream>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let requests = request.into_inner();
        Ok(Response::new(self.push(self.open(&call, Start::Now).await?, requests, call.heard())))
    }

    async fn get(&self, request: Request<outputs::Request>) -> Result<Response<Self::getStream>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let until = *self.0.consumers.log().head().borrow();
        let metrics = self.0.metrics.clone();
        let consumer = self.open(&call, Start::Beginning).await?;
        Ok(Response::new(supply::get(consumer, until, call.heard(), metrics)))
    }
}

impl Falco {
    async fn open(&self, call: &Call, start: Start) -> Result<Consumer, CallError> {
        let view = view(call, "", Vec::new())?;
        Ok(self.0.consumers.open(Some(call.own_cursor("")), start, view).await?)
    }

    /// Pushes whatever comes until the client goes or the hub stops.
    fn push<S: Supply + 'static>(
        &self,
        mut supply: S,
        mut requests: Streaming<outputs::Request>,
        heard: Heard,
    ) -> Answers<RawAlert> {
        let (mut handed, taken) = handed::channel(heard);
        let context = self.0.clone();
        tokio::spawn(async move {
            let connection = handed.connection();
            let ignored = async {
                // However many requests come, and whether the client closes its side: it is pushed to.
                while let Ok(Some(_)) = requests.message().await {}
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = context.stop.cancelled() => {}
                () = connection.closed() => {}
                () = ignored => {}
                () = supply::push(&mut supply, &mut handed, &context.metrics) => {}
            }
            let had = handed.had();
            supply::settle(&mut supply, had).await;
        });
        Box::pin(taken)
    }
}
