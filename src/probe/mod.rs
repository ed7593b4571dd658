//! The canary: Apps that exist for this alone are asked for at every region, as a stranger would
//! ask, and every region but their home must refuse them.
//!
//! Nothing of anybody crosses a border by it. What is sent is the name of an App that has no users,
//! without a token, to the public addresses of the catalogue, which every client on the internet may
//! dial. No address of a data centre is known here, and nothing of a real App: a canary names itself.
//!
//! At home the same question must be answered by asking for a token. Without that a listener which
//! is down, or a name that nobody registered, would look like a region that refuses.

mod dial;
mod finding;
mod heard;
mod rest;
mod session;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};

use crate::config::{Catalogue, Endpoint, Region};
use crate::domain::{AppKey, RegionId};
use crate::registry::Randomness;

pub use dial::{Dialler, DiallerError};
pub use finding::{Cell, Finding, Matrix};
pub use heard::Unheard;
pub use verdict::{Problem, Verdict};

/// An App that is registered to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary<'a> {
    pub app_key: &'a AppKey,
    pub home: &'a RegionId,
}

/// How a region is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Rest,
    Websocket,
    Msync,
}

/// Who asks, and how.
pub struct Prober {
    pub dialler: Dialler,
    pub randomness: Arc<dyn Randomness>,
    /// For one question, from the look-up of the name to the end of the answer.
    pub patience: Duration,
}

/// Questions that are under way at once.
const AT_ONCE: usize = 8;

impl Prober {
    /// Asks for every canary at every public address of every region.
    pub async fn run(&self, catalogue: &Catalogue, canaries: &[Canary<'_>]) -> Matrix {
        let questions = questions(catalogue, canaries);
        let asking: Vec<_> = questions.into_iter().map(|q| self.ask(q).boxed()).collect();
        let findings = futures_util::stream::iter(asking).buffered(AT_ONCE);
        Matrix {
            findings: findings.collect().await,
        }
    }

    async fn ask(&self, question: Question<'_>) -> Finding {
        let asking = async {
            match question.way {
                Way::Rest => rest::ask(self, question).await,
                Way::Websocket => session::ask_by_websocket(self, question).await,
                Way::Msync => session::ask_by_msync(self, question).await,
            }
        };
        let heard = tokio::time::timeout(self.patience, asking).await;
        let heard = heard.unwrap_or(Err(Unheard::TooSlow));
        Finding {
            home: question.canary.home.clone(),
            region: question.region.id.clone(),
            way: question.way,
            endpoint: question.endpoint.text.clone(),
            verdict: verdict::judge(question.canary.home, &question.region.id, heard),
        }
    }
}

/// One canary at one address.
#[derive(Clone, Copy)]
struct Question<'a> {
    canary: Canary<'a>,
    region: &'a Region,
    way: Way,
    endpoint: &'a Endpoint,
}

fn questions<'a>(catalogue: &'a Catalogue, canaries: &[Canary<'a>]) -> Vec<Question<'a>> {
    let mut questions = Vec::new();
    for canary in canaries.iter().copied() {
        for region in &catalogue.regions {
            for way in Way::ALL {
                questions.extend(way.endpoints(region).iter().map(|endpoint| Question {
                    canary,
                    region,
                    way,
                    endpoint,
                }));
            }
        }
    }
    questions
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Rest, Self::Websocket, Self::Msync];

    /// The name in metrics and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Websocket => "websocket",
            Self::Msync => "msync",
        }
    }

    /// Where a region is asked so.
    pub fn endpoints(self, region: &Region) -> &[Endpoint] {
        match self {
            Self::Rest => &region.rest,
            Self::Websocket => &region.websocket,
            Self::Msync => &region.msync,
        }
    }
}

/// Whose name stands in a session's first message. There is no such user.
const USER: &str = "domicile-probe";
