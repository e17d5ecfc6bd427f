//! Reports as the policy working group of Kubernetes has defined them.

use super::Settings;
use super::api::Kind;
use crate::destinations::Section;
use crate::settings::{Common, keys};
use crate::{Integration, Setup};

const KIND: Kind = Kind {
    version: "wgpolicyk8s.io/v1alpha2",
    kinds: ["PolicyReport", "ClusterPolicyReport"],
    plurals: ["policyreports", "clusterpolicyreports"],
    names: ["falco-policy-report", "falco-cluster-policy-report"],
    is_policy_the_source: false,
};

keys! {
    /// The section `policyreport`.
    pub(crate) struct Config {
        /// Whether reports are written. The account needs `get`, `create` and `update` for `policyreports` and
        /// `clusterpolicyreports` of `wgpolicyk8s.io`.
        enabled: bool = false,
        + settings: Settings,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "policyreport";
    const ABOUT: &'static str = "Adds alerts to reports in Kubernetes of `wgpolicyk8s.io`, which `openreport` succeeds: to \
        `falco-policy-report` in their namespace, or to `falco-cluster-policy-report`.";
    const EXAMPLE: &'static str =
        "policyreport:\n  enabled: true\n  kubeconfig: /etc/cadge/kubeconfig\n  prunebypriority: true\n";

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
