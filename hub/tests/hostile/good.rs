//! A sensor and a consumer that do nothing but their work, and measure how long that takes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cadge_proto::falco::outputs::service_client::ServiceClient;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;
use tonic::transport::Channel;

use crate::site::Sensor;

/// An alert comes so often.
const PACE: Duration = Duration::from_millis(50);

/// An alert may take so long, on a machine that is under attack and busy otherwise.
const DELAY_MAX: Duration = Duration::from_secs(10);

/// What was measured.
pub(crate) struct Good(Arc<Mutex<Measured>>, AbortHandle);

#[derive(Default)]
struct Measured {
    count: u64,
    slowest: Duration,
}

impl Measured {
    fn add(&mut self, delay: Duration) {
        self.count += 1;
        self.slowest = self.slowest.max(delay);
    }
}

impl Good {
    pub(crate) fn start(runtime: &Runtime, sensor: Channel, consumer: Channel) -> Self {
        let all: Arc<Mutex<Measured>> = Arc::default();
        let measured = Arc::clone(&all);
        let task = runtime.spawn(async move {
            let mut stream =
                ServiceClient::new(consumer).sub(tokio_stream::pending()).await.unwrap().into_inner();
            let mut sensor = Sensor::connect(sensor, "good").await;
            for sequence in 1.. {
                let began = Instant::now();
                sensor.send(sequence..=sequence).await;
                let wanted = format!("alert {sequence}");
                // Other sensors' alerts come as well.
                while stream.message().await.unwrap().unwrap().output != wanted {}
                measured.lock().unwrap().add(began.elapsed());
                tokio::time::sleep(PACE).await;
            }
        });
        Self(all, task.abort_handle())
    }

    /// Before the hub is: what comes of that is no fault.
    pub(crate) fn stop(&self) {
        self.1.abort();
    }

    /// Waits for some more alerts; answers how slow the slowest was since the last time, and how many came.
    pub(crate) fn check(&self, runtime: &Runtime) -> (Duration, u64) {
        let count = || self.0.lock().unwrap().count;
        let wanted = count() + 3;
        runtime.block_on(async {
            let coming = async {
                while count() < wanted {
                    tokio::time::sleep(PACE).await;
                }
            };
            tokio::time::timeout(DELAY_MAX, coming).await.expect("the good client gets no alerts");
        });
        let measured = std::mem::take(&mut *self.0.lock().unwrap());
        assert!(measured.slowest < DELAY_MAX, "an alert took {:?}", measured.slowest);
        (measured.slowest, measured.count)
    }
}
