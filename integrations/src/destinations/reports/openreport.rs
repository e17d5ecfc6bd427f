//! Reports as `OpenReports` defines them: the successor of policy reports.

use super::Settings;
use super::api::Kind;
use crate::destinations::Section;
use crate::settings::{Common, keys};
use crate::{Integration, Setup};

const KIND: Kind = Kind {
    version: "openreports.io/v1alpha1",
    kinds: ["Report", "ClusterReport"],
    plurals: ["reports", "clusterreports"],
    names: ["falco-report", "falco-cluster-report"],
    is_policy_the_source: true,
};

keys! {
    /// The section `openreport`.
    pub(crate) struct Config {
        /// Whether reports are written. The account needs `get`, `create` and `update` for `reports` and
        /// `clusterreports` of `openreports.io`.
        enabled: bool = false,
        + settings: Settings,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "openreport";
    const ABOUT: &'static str = "Adds alerts to reports in Kubernetes of `openreports.io`: to `falco-report` in their \
        namespace, or to `falco-cluster-report`.";
    const EXAMPLE: &'static str =
        "openreport:\n  enabled: true\n  kubeconfig: /etc/cadge/kubeconfig\n  prunebypriority: true\n";

    fn is_on(&self) -> bool {
        self.enabled
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, _: &Setup) -> Result<Box<dyn Integration>, String> {
        self.settings.build(&KIND)
    }
}
