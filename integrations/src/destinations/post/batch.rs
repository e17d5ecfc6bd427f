//! How several alerts become one body.

use crate::Delivery;

/// What a body may have, and how it is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::destinations) struct Batch {
    /// Alerts at most.
    pub(in crate::destinations) alerts: usize,
    /// Bytes at most, unless one alert has more.
    pub(in crate::destinations) bytes: usize,
    /// What stands before them, between two, and behind.
    pub(in crate::destinations) frame: [&'static str; 3],
}

impl Batch {
    /// The bodies that alerts make, with the positions of those in it.
    pub(in crate::destinations) fn bodies(
        &self,
        alerts: &[&Delivery],
        part: impl Fn(&Delivery) -> String,
    ) -> Vec<(Vec<u64>, String)> {
        let [before, between, behind] = self.frame;
        let mut bodies: Vec<(Vec<u64>, String)> = Vec::new();
        for delivery in alerts {
            let part = part(delivery);
            match bodies.last_mut() {
                Some((positions, body))
                    if body.len() + between.len() + part.len() + behind.len() <= self.bytes =>
                {
                    positions.push(delivery.position);
                    body.push_str(between);
                    body.push_str(&part);
                }
                _ => bodies.push((vec![delivery.position], format!("{before}{part}"))),
            }
        }
        for (_, body) in &mut bodies {
            body.push_str(behind);
        }
        bodies
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cadge_proto::Alert;

    use super::*;

    #[test]
    fn a_body_has_as_many_alerts_as_fit() {
        let batch = Batch { alerts: 10, bytes: 9, frame: ["[", ",", "]"] };
        let alert = |(position, rule): (u64, &str)| Delivery {
            position,
            alert: Arc::new(Alert { rule: rule.to_owned(), ..Alert::default() }),
        };
        let rules = ["aaa", "bbb", "c", "dddddddddddd", "e"];
        let alerts: Vec<Delivery> = (1..).zip(rules).map(alert).collect();
        let bodies = |alerts: &[&Delivery]| batch.bodies(alerts, |delivery| delivery.alert.rule.clone());
        let (positions, written): (Vec<_>, Vec<_>) =
            bodies(&alerts.iter().collect::<Vec<_>>()).into_iter().unzip();
        assert_eq!(written, ["[aaa,bbb]", "[c]", "[dddddddddddd]", "[e]"]);
        assert_eq!(positions, [vec![1, 2], vec![3], vec![4], vec![5]]);
        assert!(bodies(&[]).is_empty());
    }
}
