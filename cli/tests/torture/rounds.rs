//! Round after round, one disturbance each, and a cut somewhere now and then on top.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};

use crate::disturb::{Disturbance, possible};
use crate::site::Site;

/// All rounds. Answers what was done how often.
pub(crate) fn run(site: &mut Site) -> String {
    let mut random = StdRng::seed_from_u64(site.plan.seed);
    let mut counts = BTreeMap::<&str, u64>::new();
    let mut deck: Vec<Disturbance> = Vec::new();
    for round in 1..=site.plan.rounds {
        // Shuffled and dealt, so that each comes as often as the others.
        let (name, disturb) = deck.pop().unwrap_or_else(|| {
            deck = possible(site);
            // For looking at one of them more closely.
            if let Ok(only) = std::env::var("TORTURE_ONLY") {
                deck.retain(|(name, _)| name.contains(&only));
            }
            deck.shuffle(&mut random);
            deck.pop().expect("there is always something to disturb")
        });
        eprintln!("torture: round {round} of {}: {name}", site.plan.rounds);
        *counts.entry(name).or_default() += 1;
        if random.random_bool(0.3) {
            let mut parties: Vec<_> = site.parties().collect();
            parties.shuffle(&mut random);
            parties[0].net.cut(random.random());
            *counts.entry("another cut on top").or_default() += 1;
        }
        disturb(site, &mut random);
        site.ensure();
        let pause = *[100, 300, 600, 1500].choose(&mut random).expect("there are some");
        std::thread::sleep(Duration::from_millis(pause));
    }
    let text = counts.iter().map(|(name, count)| format!("{name} {count}"));
    text.collect::<Vec<_>>().join(", ")
}
