//! Values as conditions write them.

use std::net::IpAddr;

use super::matcher::Net;
use crate::condition::ast::Literal;
use crate::fields::Type;

/// Services that rules name, and their ports: the well-known ones of IANA's list.
const SERVICES: &[(&str, i128)] = &[
    ("bootpc", 68),
    ("bootps", 67),
    ("domain", 53),
    ("finger", 79),
    ("ftp", 21),
    ("ftp-data", 20),
    ("http", 80),
    ("http-alt", 8080),
    ("https", 443),
    ("imap2", 143),
    ("imaps", 993),
    ("irc", 194),
    ("kerberos", 88),
    ("ldap", 389),
    ("ldaps", 636),
    ("microsoft-ds", 445),
    ("ms-sql-s", 1433),
    ("mysql", 3306),
    ("nfs", 2049),
    ("nntp", 119),
    ("ntp", 123),
    ("pop3", 110),
    ("pop3s", 995),
    ("postgresql", 5432),
    ("rsync", 873),
    ("shell", 514),
    ("sip", 5060),
    ("smtp", 25),
    ("snmp", 161),
    ("ssh", 22),
    ("submission", 587),
    ("sunrpc", 111),
    ("syslog", 514),
    ("telnet", 23),
    ("tftp", 69),
    ("whois", 43),
    ("www", 80),
];

pub(super) fn truth(literal: &Literal) -> Result<bool, String> {
    let text = literal.text();
    text.parse().map_err(|_| format!("filter error: unrecognized boolean value {text}"))
}

/// With a dot it is IPv4, else IPv6.
pub(super) fn address(literal: &Literal) -> Result<IpAddr, String> {
    let text = literal.text();
    let ip = if text.contains('.') {
        text.parse().ok().map(IpAddr::V4)
    } else {
        text.parse().ok().map(IpAddr::V6)
    };
    ip.ok_or_else(|| format!("unrecognized IP address {text}"))
}

pub(super) fn network(literal: &Literal) -> Result<Net, String> {
    let text = literal.text();
    let error = || format!("unrecognized IP network {text}: write it as 10.0.0.0/8");
    let (ip, bits) = text.split_once('/').ok_or_else(error)?;
    let ip: IpAddr = ip.parse().map_err(|_| error())?;
    let range = if ip.is_ipv4() { 0..=32 } else { 1..=128 };
    let bits = bits.parse().ok().filter(|bits| range.contains(bits)).ok_or_else(error)?;
    Ok(Net { ip, bits })
}

/// Bytes written as pairs of hexadecimal digits.
pub(super) fn hex(literal: &Literal) -> Result<Vec<u8>, String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    literal
        .bytes
        .chunks(2)
        .map(pair)
        .collect::<Option<_>>()
        .ok_or_else(|| format!("'{}' is no sequence of pairs of hexadecimal digits", literal.text()))
}

/// Decimal or hexadecimal, wrapped to the width of the type as C does it: `-1` of an unsigned type is its
/// largest value.
pub(super) fn number(ty: Type, literal: &Literal) -> Result<i128, String> {
    let text = literal.text();
    if ty == Type::Port {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some((_, port)) = SERVICES.iter().find(|(name, _)| *name == text) {
            return Ok(*port);
        }
    }
    let error = || format!("'{text}' is not a valid number");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    if digits.starts_with(['+', '-']) {
        return Err(error());
    }
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => i128::from(u64::from_str_radix(digits, 16).map_err(|_| error())?),
        None => i128::from(digits.parse::<u64>().map_err(|_| error())?),
    };
    let number = if negative { -number } else { number };
    let (bits, signed) = match ty {
        Type::Int16 => (16, true),
        Type::Int32 => (32, true),
        Type::Uint16 | Type::Port => (16, false),
        Type::Uint32 => (32, false),
        Type::Uint64 | Type::Reltime | Type::Abstime => (64, false),
        _ => (64, true),
    };
    let wrapped = number.rem_euclid(1 << bits);
    Ok(if signed && wrapped >= 1 << (bits - 1) { wrapped - (1 << bits) } else { wrapped })
}
