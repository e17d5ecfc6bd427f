//! Searching and counting: the index names the places, the log has the alerts.

mod read;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cadge_proto::raw::v1::{
    self, CountRequest, CountResponse, SearchRequest, SearchResponse, history_server,
};
use futures_util::stream;
use tonic::{Request, Response, Status};

use super::{Answers, Context, caller, view};
use crate::config::Role;
use crate::error::CallError;
use crate::history::{self, ByHand, Counts, DIMENSIONS, Question, Range, Selection};
use crate::log::{Entry, Log};
use crate::runs::BYTES_MAX;
use crate::view::View;
use read::read;

/// Alerts of one page, if the caller does not say.
const LIMIT: u32 = 100;

/// And at most.
const LIMIT_MAX: u32 = 10_000;

/// Bytes of alerts of one page, about.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// One page is looked for so long. What was not looked at until then is on the next one.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// Places that are looked up at once.
const PLACES: usize = 128;

/// Alerts that are read for one count, where the index alone does not know.
const COUNTED_MAX: usize = 50_000;

/// The service.
pub(super) struct History(pub(super) Context);

#[tonic::async_trait]
impl history_server::History for History {
    type SearchStream = Answers<SearchResponse>;

    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<Self::SearchStream>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let history = self.index()?;
        let SearchRequest { selection, oldest_first, limit, page, filter, fields } = request.into_inner();
        let limit = if limit == 0 { LIMIT } else { limit };
        if limit > LIMIT_MAX {
            return Err(CallError::Request(format!("`limit: {limit}` is above {LIMIT_MAX}")).into());
        }
        let page = Page {
            log: Arc::clone(self.0.consumers.log()),
            history,
            selection: selected(selection)?,
            view: view(&call, &filter, fields)?,
            oldest_first,
            left: usize::try_from(limit).unwrap_or(usize::MAX),
            bytes: 0,
            place: page,
            is_done: false,
            start: Instant::now(),
        };
        let responses = stream::unfold(page, |mut page| async {
            if page.is_done {
                return None;
            }
            let response = page.next().await.map_err(|error| {
                page.is_done = true;
                Status::from(error)
            });
            Some((response, page))
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn count(&self, request: Request<CountRequest>) -> Result<Response<CountResponse>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let history = self.index()?;
        let CountRequest { selection, group_by, step_seconds, filter } = request.into_inner();
        let question = Question {
            selection: selected(selection)?,
            group_by: group_by.into_iter().map(dimension).collect::<Result<_, _>>()?,
            step: step_seconds,
        };
        if question.group_by.len() > DIMENSIONS.len() {
            return Err(CallError::Request("a dimension is there twice in `group_by`".to_owned()).into());
        }
        let log = self.0.consumers.log();
        let view = view(&call, &filter, Vec::new())?;
        let (counts, overflowed, indexed) = if view.is_whole() {
            let counted = history.count(question).await.map_err(CallError::History)?;
            let (counts, overflowed) = counted.answer.map_err(|error| refused(&error))?;
            (counts, overflowed, counted.indexed)
        } else {
            let (counts, indexed) = count_by_hand(log.as_ref(), &history, question, &view).await?;
            (counts, Vec::new(), indexed)
        };
        let overflowed = overflowed.into_iter().map(|kind| DIMENSIONS[kind].on_wire.into()).collect();
        let head = *log.head().borrow();
        Ok(Response::new(CountResponse { counts: answer(counts, step_seconds), indexed, head, overflowed }))
    }
}

impl History {
    fn index(&self) -> Result<history::History, Status> {
        let off = "this hub keeps no history: `history.enabled` is false in its configuration";
        self.0.history.clone().ok_or_else(|| Status::unimplemented(off))
    }
}

fn selected(selection: Option<v1::Selection>) -> Result<Selection, CallError> {
    Selection::new(selection.unwrap_or_default()).map_err(CallError::Request)
}

fn dimension(number: i32) -> Result<usize, CallError> {
    let unknown = || CallError::Request(format!("`group_by: {number}` is no dimension that this hub knows"));
    history::from_wire(number).ok_or_else(unknown)
}

fn refused(error: &history::CountError) -> CallError {
    CallError::Request(error.to_string())
}

fn answer(counts: Counts, step: u32) -> Vec<v1::Count> {
    let count = |((seconds, values), count)| {
        let start = (step > 0).then_some(prost_types::Timestamp { seconds, nanos: 0 });
        v1::Count { start, values, count }
    };
    counts.into_iter().map(count).collect()
}

/// What a search still has to answer.
struct Page {
    log: Arc<dyn Log>,
    history: history::History,
    selection: Selection,
    view: View,
    oldest_first: bool,
    left: usize,
    bytes: usize,
    place: u64,
    is_done: bool,
    start: Instant,
}

impl Page {
    async fn next(&mut self) -> Result<SearchResponse, CallError> {
        let range = Range { oldest_first: self.oldest_first, page: self.place, count: self.left.min(PLACES) };
        let found = self.history.find(&self.selection, range).await.map_err(CallError::History)?;
        let read = read(self.log.as_ref(), &found.answer.positions, BYTES_MAX).await?;
        self.place = read.rest_after.unwrap_or(found.answer.next);
        let entries = self.view.of(picked(&self.selection, read.entries));
        self.left -= entries.len();
        self.bytes += entries.iter().map(|entry| entry.alert.as_bytes().len()).sum::<usize>();
        self.is_done = self.place == 0
            || self.left == 0
            || self.bytes >= PAGE_BYTES_MAX
            || self.start.elapsed() > PAGE_TIME;
        Ok(SearchResponse {
            entries: entries.into_iter().map(Into::into).collect(),
            next_page: if self.is_done { self.place } else { 0 },
            indexed: found.indexed,
            head: *self.log.head().borrow(),
        })
    }
}

/// Leaves out what only looked in the index as if it were of a selection.
fn picked(selection: &Selection, entries: Vec<Entry>) -> Vec<Entry> {
    let is_picked = |entry: &Entry| entry.alert.decode().is_ok_and(|alert| selection.admits(&alert));
    entries.into_iter().filter(is_picked).collect()
}

/// Counts the alerts that a view shows of a selection.
async fn count_by_hand(
    log: &dyn Log,
    history: &history::History,
    question: Question,
    view: &View,
) -> Result<(Counts, u64), CallError> {
    let (selection, mut counting) = (question.selection.clone(), ByHand::new(question));
    let (mut place, mut looked, start) = (0, 0, Instant::now());
    loop {
        let range = Range { oldest_first: true, page: place, count: PLACES };
        let found = history.find(&selection, range).await.map_err(CallError::History)?;
        looked += found.answer.positions.len();
        if looked > COUNTED_MAX || start.elapsed() > 2 * PAGE_TIME {
            return Err(refused(&history::CountError::Looks(looked.min(COUNTED_MAX))));
        }
        let entries = read(log, &found.answer.positions, usize::MAX).await?.entries;
        for entry in view.of(picked(&selection, entries)) {
            let alert = entry.alert.decode().map_err(|error| CallError::Request(error.to_string()))?;
            counting.add(&alert).map_err(|error| refused(&error))?;
        }
        place = found.answer.next;
        if place == 0 {
            return Ok((counting.counts(), found.indexed));
        }
    }
}
