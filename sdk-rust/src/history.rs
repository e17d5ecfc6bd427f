//! Searching and counting what the hub's log has.

use std::time::{Duration, SystemTime};

use cadge_proto::cadge::v1::history_client::HistoryClient;
use cadge_proto::cadge::v1::{self, CountRequest, SearchRequest};

use tonic::Request;

use crate::codec::{RESPONSE_BYTES_MAX, SEARCH};
use crate::link::Calls;
use crate::time::moment;
use crate::{Alert, Client, Error};

pub use cadge_proto::cadge::v1::Dimension;

/// Which alerts: those that meet every condition.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A dimension, and the values of which an alert has one. An empty text stands for alerts without one.
    pub conditions: Vec<(Dimension, Vec<String>)>,
    /// Raised at this moment or later, by the sensor's clock.
    pub since: Option<SystemTime>,
    /// Raised before this moment.
    pub until: Option<SystemTime>,
}

impl Selection {
    /// Adds a condition.
    #[must_use]
    pub fn with(mut self, dimension: Dimension, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.conditions.push((dimension, values.into_iter().map(Into::into).collect()));
        self
    }
}

impl From<Selection> for v1::Selection {
    fn from(selection: Selection) -> Self {
        let condition =
            |(dimension, values): (Dimension, _)| v1::Where { dimension: dimension.into(), values };
        Self {
            r#where: selection.conditions.into_iter().map(condition).collect(),
            since: selection.since.map(Into::into),
            until: selection.until.map(Into::into),
        }
    }
}

/// What to search.
#[derive(Clone, Debug, Default)]
pub struct SearchOptions {
    /// Which alerts.
    pub selection: Selection,
    /// The oldest in the log first; otherwise the newest.
    pub oldest_first: bool,
    /// At most so many on this page, to 10,000; 0 is 100.
    pub limit: u32,
    /// The `next_page` of the page before; 0 is the first.
    pub page: u64,
    /// As in [`SubscribeOptions::filter`](crate::SubscribeOptions::filter).
    pub filter: String,
    /// As in [`SubscribeOptions::fields`](crate::SubscribeOptions::fields).
    pub fields: Vec<String>,
}

/// A page of alerts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchPage {
    /// In the order that was asked for. May be fewer than the limit, or none, although there is a next page.
    pub alerts: Vec<Alert>,
    /// Where the next page begins; 0 is that there is none.
    pub next_page: u64,
    /// The log's position up to which the hub's index has come.
    pub indexed: u64,
    /// The log's last position.
    pub head: u64,
}

/// What to count.
#[derive(Clone, Debug, Default)]
pub struct CountOptions {
    /// Which alerts.
    pub selection: Selection,
    /// A count for each combination of values in these dimensions.
    pub group_by: Vec<Dimension>,
    /// And for each span of so many whole seconds; zero is one span for all.
    pub step: Duration,
    /// As in [`SearchOptions::filter`]. The hub refuses to look at too many alerts.
    pub filter: String,
}

/// Counts of alerts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// By time, then values. Groups without alerts are left out.
    pub counts: Vec<Count>,
    /// The log's position up to which the hub's index has come.
    pub indexed: u64,
    /// The log's last position.
    pub head: u64,
    /// Dimensions with more values than the hub tells apart: further ones are in the group `(other)`.
    pub overflowed: Vec<Dimension>,
}

/// The alerts of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    /// When its span begins; `None` without a step.
    pub start: Option<SystemTime>,
    /// A value for each dimension of the group; an empty one is that alerts have none.
    pub values: Vec<String>,
    /// How many.
    pub count: u64,
}

impl Client {
    /// One page of the alerts of a selection.
    pub async fn search(&self, options: SearchOptions) -> Result<SearchPage, Error> {
        let SearchOptions { selection, oldest_first, limit, page, filter, fields } = options;
        let selection = Some(selection.into());
        let request = SearchRequest { selection, oldest_first, limit, page, filter, fields };
        let mut responses = SEARCH.make(&self.link, Request::new(tokio_stream::once(request))).await?;
        let mut all = SearchPage::default();
        while let Some(response) = responses.next().await? {
            let number = |field| response.number(field).unwrap_or_default();
            (all.next_page, all.indexed, all.head) = (number(2), number(3), number(4));
            all.alerts.extend(response.alerts);
        }
        Ok(all)
    }

    /// How many alerts of a selection there are, in groups and over time.
    pub async fn count(&self, options: CountOptions) -> Result<Counted, Error> {
        let request = CountRequest {
            selection: Some(options.selection.into()),
            group_by: options.group_by.into_iter().map(Into::into).collect(),
            step_seconds: u32::try_from(options.step.as_secs()).unwrap_or(u32::MAX),
            filter: options.filter,
        };
        let answer = self.link.answer(self.history().count(request).await)?;
        let count = |count: v1::Count| Count {
            start: count.start.map(|start| moment(start.seconds, start.nanos)),
            values: count.values,
            count: count.count,
        };
        Ok(Counted {
            counts: answer.counts.into_iter().map(count).collect(),
            indexed: answer.indexed,
            head: answer.head,
            overflowed: answer.overflowed.into_iter().filter_map(|number| number.try_into().ok()).collect(),
        })
    }

    fn history(&self) -> HistoryClient<Calls> {
        HistoryClient::new(self.link.calls()).max_decoding_message_size(RESPONSE_BYTES_MAX)
    }
}
