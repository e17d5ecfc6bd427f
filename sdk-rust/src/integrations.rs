//! Where the hub forwards alerts to, and what it could not deliver.

use cadge_proto::cadge::v1::integrations_client::IntegrationsClient;
use cadge_proto::cadge::v1::{
    DeadRequest, DeadResponse, DiscardRequest, IntegrationsStatusRequest, ReplayRequest,
};

use crate::link::{Answers, Calls};
use crate::{Client, Error};

pub use cadge_proto::cadge::v1::replay_response::Outcome;
pub use cadge_proto::cadge::v1::{DeadLetter, IntegrationState, IntegrationsStatus, Letters, ReplayResponse};

/// Bytes of one page of dead letters.
const PAGE_BYTES_MAX: usize = 64 << 20;

/// Dead letters, a page at a time.
#[derive(Debug)]
pub struct DeadLetters(Answers<DeadResponse>);

impl DeadLetters {
    /// The next ones; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<DeadLetter>>, Error> {
        Ok(self.0.next().await?.map(|page| page.letters))
    }
}

/// A replay that is under way. To drop it ends it behind the letter that is on its way.
#[derive(Debug)]
pub struct Replay(Answers<ReplayResponse>);

impl Replay {
    /// What became of the next letter; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<ReplayResponse>, Error> {
        self.0.next().await
    }
}

impl Client {
    /// How the hub's destinations are doing. Needs the role admin, as all of these do.
    pub async fn integrations(&self) -> Result<IntegrationsStatus, Error> {
        self.link.answer(self.integrations_client().status(IntegrationsStatusRequest {}).await)
    }

    /// Dead letters of a destination, or of all if it is empty, behind a number; at most so many, 0 is no bound.
    pub async fn dead_letters(
        &self,
        destination: &str,
        after: u64,
        limit: u64,
    ) -> Result<DeadLetters, Error> {
        let request = DeadRequest { destination: destination.to_owned(), after, limit };
        Ok(DeadLetters(self.link.stream(self.integrations_client().dead(request).await)?))
    }

    /// Has dead letters sent once more. Those that are taken are removed.
    pub async fn replay_dead_letters(&self, letters: Letters) -> Result<Replay, Error> {
        let request = ReplayRequest { letters: Some(letters) };
        Ok(Replay(self.link.stream(self.integrations_client().replay(request).await)?))
    }

    /// Removes dead letters unsent. Answers how many of each destination.
    pub async fn discard_dead_letters(
        &self,
        letters: Letters,
    ) -> Result<std::collections::BTreeMap<String, u64>, Error> {
        let request = DiscardRequest { letters: Some(letters) };
        let discarded = self.link.answer(self.integrations_client().discard(request).await)?.discarded;
        Ok(discarded.into_iter().collect())
    }

    fn integrations_client(&self) -> IntegrationsClient<Calls> {
        IntegrationsClient::new(self.link.calls()).max_decoding_message_size(PAGE_BYTES_MAX)
    }
}
