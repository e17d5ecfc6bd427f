//! `cadge history`: what the hub's log has, by rule, host, namespace and more.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, anyhow, bail};
use cadge_client::{Client, Count, CountOptions, Dimension, SearchOptions, Selection};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::args::History;
use crate::hub::runtime;
use crate::print::{Printer, escape};
use crate::read::connect;

/// The widest bar of a count.
const BAR_MAX: u64 = 40;

/// Alerts of one page.
const PAGE_MAX: u32 = 10_000;

/// Prints the alerts of a selection, the newest last, or how many there are.
pub(crate) fn run(args: &History) -> Result<()> {
    let now = SystemTime::now();
    let mut selection = Selection {
        since: args.since.as_deref().map(|text| moment(text, now)).transpose()?,
        until: args.until.as_deref().map(|text| moment(text, now)).transpose()?,
        ..Selection::default()
    };
    for (dimension, values) in [
        (Dimension::Rule, &args.rule),
        (Dimension::Priority, &args.priority),
        (Dimension::Sensor, &args.sensor),
        (Dimension::Host, &args.host),
        (Dimension::Source, &args.source),
        (Dimension::Namespace, &args.namespace),
        (Dimension::Pod, &args.pod),
        (Dimension::Tag, &args.tag),
    ] {
        if !values.is_empty() {
            selection = selection.with(dimension, values);
        }
    }
    runtime()?.block_on(async {
        let client = connect(&args.reach).await?;
        if args.count_by.is_empty() && args.step.is_none() {
            search(&client, args, selection).await
        } else {
            count(&client, args, selection).await
        }
    })
}

/// A moment as RFC 3339 has it, or how long ago it was.
fn moment(text: &str, now: SystemTime) -> Result<SystemTime> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return SystemTime::try_from(time).context("the time is beyond what there is");
    }
    let ago = duration(text).map_err(|_| {
        anyhow!("`{text}` is neither a time such as 2026-01-31T12:00:00Z nor a duration such as 90m")
    })?;
    now.checked_sub(ago).ok_or_else(|| anyhow!("`{text}` is longer ago than there is time"))
}

/// A duration such as `90m` or `24h`.
fn duration(text: &str) -> Result<Duration> {
    let wrong = || anyhow!("`{text}` is no duration such as 90m or 24h");
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    duration.try_into().map_err(|_| wrong())
}

async fn search(client: &Client, args: &History, selection: Selection) -> Result<()> {
    let printer = Printer::from(&args.print);
    let mut found = Vec::new();
    let mut page = 0;
    loop {
        let left = args.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let options = SearchOptions {
            selection: selection.clone(),
            limit: left.min(PAGE_MAX),
            page,
            filter: args.pick.filter.clone(),
            fields: args.pick.fields.clone(),
            oldest_first: false,
        };
        let answer = client.search(options).await?;
        found.extend(answer.alerts);
        page = answer.next_page;
        if page == 0 || found.len() >= args.limit as usize {
            warn_of_lag(answer.indexed, answer.head);
            break;
        }
    }
    found.iter().rev().try_for_each(|alert| printer.print(alert))?;
    Ok(())
}

async fn count(client: &Client, args: &History, selection: Selection) -> Result<()> {
    let options = CountOptions {
        selection,
        group_by: args.count_by.iter().map(|by| by.dimension()).collect(),
        step: args.step.as_deref().map(duration).transpose()?.unwrap_or_default(),
        filter: args.pick.filter.clone(),
    };
    if !args.pick.fields.is_empty() {
        bail!("--fields chooses what is printed of alerts: it has no meaning for counts");
    }
    let answer = client.count(options).await?;
    warn_of_lag(answer.indexed, answer.head);
    if !answer.overflowed.is_empty() {
        eprintln!("cadge: there are more values than the hub tells apart of: {:?}", answer.overflowed);
    }
    let lines = if args.print.json { json_lines(args, &answer.counts) } else { lines(&answer.counts) };
    let mut out = std::io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(())
}

/// The index follows the log by a moment. Where it is further behind, whoever asks should know.
fn warn_of_lag(indexed: u64, head: u64) {
    let lag = head.saturating_sub(indexed);
    if lag > 0 {
        eprintln!("cadge: the hub's index is {lag} alerts behind its log: the newest are not in this");
    }
}

fn time(start: SystemTime) -> String {
    Timestamp::try_from(start).map_or_else(|_| "?".to_owned(), |time| time.to_string())
}

/// A line for each count: time, values, number, and a bar beside it.
fn lines(counts: &[Count]) -> Vec<String> {
    let cells = |count: &Count| -> Vec<String> {
        let values =
            count.values.iter().map(|value| if value.is_empty() { "-".to_owned() } else { escape(value) });
        count.start.map(time).into_iter().chain(values).collect()
    };
    let rows: Vec<Vec<String>> = counts.iter().map(cells).collect();
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let most = counts.iter().map(|count| count.count).max().unwrap_or(1).max(1);
    let line = |(row, count): (&Vec<String>, &Count)| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
        let bar = usize::try_from((count.count * BAR_MAX).div_ceil(most)).unwrap_or_default();
        format!("{}{:>10} {}", cells.collect::<String>(), count.count, "▇".repeat(bar))
    };
    rows.iter().zip(counts).map(line).collect()
}

/// An object for each count.
fn json_lines(args: &History, counts: &[Count]) -> Vec<String> {
    let object = |count: &Count| {
        let mut object = json!({ "count": count.count });
        if let Some(start) = count.start {
            object["start"] = time(start).into();
        }
        for (by, value) in args.count_by.iter().zip(&count.values) {
            object[by.name()] = value.as_str().into();
        }
        object.to_string()
    };
    counts.iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_or_ages() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(moment("90m", now).unwrap(), at(1_000_000_000 - 5400));
        assert_eq!(moment("24h", now).unwrap(), at(1_000_000_000 - 86_400));
        assert_eq!(moment("1970-01-01T01:00:00+01:00", now).unwrap(), at(0));
        for text in ["", "yesterday", "-1h", "1970-13-01T00:00:00Z"] {
            assert!(moment(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_aligned_with_bars() {
        let count = |value: &str, count| Count { start: None, values: vec![value.to_owned()], count };
        let lines = lines(&[count("Terminal shell", 80), count("", 1), count("x\n", 40)]);
        assert_eq!(lines[0], format!("Terminal shell          80 {}", "▇".repeat(40)));
        assert_eq!(lines[1], format!("-                        1 {}", "▇"));
        assert!(lines[2].starts_with("x\\n ") && lines[2].ends_with(&"▇".repeat(20)), "{}", lines[2]);
    }
}
