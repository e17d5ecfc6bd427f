//! Puts alerts into reports of a Kubernetes cluster: one for each namespace, and one for what is of none.
//!
//! The API server is asked directly: read a report, add to it, write it back. These three requests need none of
//! the `kube` crate, which would bring a hundred others.

mod access;
mod api;
pub(super) mod openreport;
pub(super) mod policyreport;
mod report;

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use serde_json::Value;

use self::access::Access;
use self::api::{Api, Kind, Place};
use self::report::Limits;
use super::taken::Taken;
use crate::settings::keys;
use crate::{Answer, Delivery, Integration, SendError};

/// Alerts that are added at once.
const BATCH: usize = 500;

keys! {
    /// What both kinds of reports have.
    pub(crate) struct Settings {
        /// How to reach the cluster from outside. In a pod, its service account is used.
        kubeconfig: String = "~/.kube/config",
        /// The namespace whose report takes what is of a namespace that is gone. Empty: the cluster's report does.
        falconamespace: String = "",
        /// Results of a report at most. It has 1 MiB at most in any case.
        maxevents: usize = 1000,
        /// Whether the least severe results make room for new ones. Otherwise the oldest do.
        prunebypriority: bool = false,
    }
}

impl Settings {
    fn build(&self, kind: &'static Kind) -> Result<Box<dyn Integration>, String> {
        if self.maxevents == 0 {
            return Err("`maxevents: 0` leaves no room for any".to_owned());
        }
        let home = match self.falconamespace.as_str() {
            "" => Place::Cluster,
            name if report::is_namespace(name) => Place::Namespace(name.to_owned()),
            name => return Err(format!("`falconamespace: {name}` is no name of a namespace")),
        };
        let limits = Limits { results: self.maxevents, by_severity: self.prunebypriority };
        let api = Api::new(Access::new(&self.kubeconfig)?, kind)?;
        Ok(Box::new(Reports { api, kind, limits, home, taken: Taken::default() }))
    }
}

struct Reports {
    api: Api,
    kind: &'static Kind,
    limits: Limits,
    /// Where alerts go whose namespace is gone.
    home: Place,
    taken: Taken,
}

impl Integration for Reports {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut places: BTreeMap<Place, Vec<&Delivery>> = BTreeMap::new();
            for delivery in self.taken.left(alerts) {
                places.entry(report::place(&delivery.alert)).or_default().push(delivery);
            }
            let mut outcome = Ok(());
            let mut next = places.pop_first();
            while let Some((place, deliveries)) = next {
                match self.add(&place, &deliveries).await {
                    Ok(true) => {}
                    Ok(false) => {
                        let home = if place == self.home { Place::Cluster } else { self.home.clone() };
                        let all = places.entry(home).or_default();
                        all.extend(deliveries);
                        all.sort_by_key(|delivery| delivery.position);
                    }
                    Err(error @ (SendError::Unreachable(_) | SendError::Away(_))) => return Err(error),
                    Err(error) => outcome = outcome.and(Err(error)),
                }
                // The cluster's report is the last one: it is always there.
                next = places.pop_first();
            }
            outcome?;
            self.taken.forget(alerts);
            Ok(Answer("it has written the reports".to_owned()))
        })
    }
}

impl Reports {
    /// Adds alerts to a report, unless its namespace is gone. Those that are in it already are not added again.
    async fn add(&self, place: &Place, deliveries: &[&Delivery]) -> Result<bool, SendError> {
        let results: Vec<Value> =
            deliveries.iter().map(|delivery| report::result(&delivery.alert, self.kind)).collect();
        let change = |report: &mut Value| report::add(report, &results, self.limits);
        let is_there = self.api.update(place, change).await?;
        if is_there {
            self.taken.keep(deliveries.iter().map(|delivery| delivery.position));
        }
        Ok(is_there)
    }
}
