//! The same tests on each log.

use cadge_hub::Config;
use cadge_hub::config::LogKind;

use super::kafka::broker::Broker;
use super::site::Site;

/// Has each test run on a hub with a log in a file, and on one with a log in Kafka: `name(change)`, where
/// the hub's configuration is to be changed by `change`.
macro_rules! on_each_log {
    ($($test:ident($change:expr)),* $(,)?) => {
        mod in_a_file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::hub::site::Site::with($change).await).await;
            })*
        }

        mod in_kafka {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let name = concat!(module_path!(), "::", stringify!($test));
                let Some(site) = crate::hub::site::Site::in_kafka(name, $change).await else { return };
                super::$test(site).await;
            })*
        }
    };
}

pub(crate) use on_each_log;

impl Site {
    /// A hub with a log in a topic of the test's own, or `None`, said aloud, where there is no broker.
    pub(crate) async fn in_kafka(
        test: &str,
        change: impl Fn(&mut Config) + Send + Sync + 'static,
    ) -> Option<Self> {
        let hostport = Broker::get(test)?.address();
        let topic = test.replace("::", ".");
        let with_topic = move |config: &mut Config| {
            in_topic(config, &hostport, &topic);
            change(config);
        };
        Some(Self::with(with_topic).await)
    }
}

/// Has the log be in a topic.
pub(crate) fn in_topic(config: &mut Config, hostport: &str, topic: &str) {
    config.log.kind = LogKind::Kafka;
    hostport.clone_into(&mut config.log.kafka.hostport);
    topic.clone_into(&mut config.log.kafka.topic);
    config.log.kafka.replication = 1;
}
