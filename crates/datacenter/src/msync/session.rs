//! One session: from its PROVISION to its end, one frame or event after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tokio::time::timeout;

use super::facts::Facts;
use super::frames::{self, Refusal};
use super::link::{Farewell, Link, LinkError};
use super::login::{self, Login};
use super::schema::m_sync::Command;
use super::schema::status::ErrorCode;
use super::schema::{CommSyncDl, CommSyncUl, MSync, Meta, meta};
use super::{chat, jid, muc};
use crate::centre::{Centre, Stop};
use crate::live::Live;
use crate::mailbox::Event;
use crate::post::META_MAX;
use crate::queues::{self, Queue};
use crate::retention;
use crate::store::{Edit, StoreError, View, first_id_at};

/// Serves a connection that a gateway has opened for one client.
pub(crate) async fn run(mut link: impl Link, facts: Facts, centre: Arc<Centre>, stop: Stop) {
    let login = timeout(LOGIN, log_in(&mut link, &centre));
    let ended = match stop.soft.run_until_cancelled(login).await {
        None => Ok(Farewell::GoingAway),
        Some(Err(_)) => Ok(Farewell::Policy),
        Some(Ok(Err(ended))) => ended,
        Some(Ok(Ok(login))) => serve(&mut link, login, &facts, &centre, &stop).await,
    };
    match ended {
        Ok(farewell) => link.close(farewell).await,
        Err(error) => tracing::debug!(
            request_id = facts.request_id,
            error = &error as &dyn std::error::Error,
            "a session broke"
        ),
    }
}

/// How long a client may take until it is logged in.
pub(crate) const LOGIN: Duration = Duration::from_secs(10);

type Ended = Result<Farewell, LinkError>;

async fn log_in(link: &mut impl Link, centre: &Centre) -> Result<Login, Ended> {
    let first = match link.receive().await {
        Ok(Some(first)) => first,
        Ok(None) => return Err(Ok(Farewell::Normal)),
        Err(error) => return Err(Err(error)),
    };
    match login::check(centre, &first).await {
        Ok(login) => Ok(login),
        Err(refusal) => {
            let sent = send(link, frames::provision_refused(refusal)).await;
            Err(sent.map(|()| Farewell::Policy))
        }
    }
}

async fn serve(
    link: &mut impl Link,
    login: Login,
    facts: &Facts,
    centre: &Arc<Centre>,
    stop: &Stop,
) -> Ended {
    let live = (centre.sessions).enter(login.app, login.name, login.resource);
    let session = Session {
        centre: centre.clone(),
        live: live.clone(),
        retention: facts.retention_days,
    };
    retention::learn_or_log(centre, &live.app, facts.retention_days).await;
    let welcome = frames::provision(&live.resource, login.session);
    let ended = tokio::select! {
        ended = session.serve(link, welcome) => ended,
        () = live.stuck.cancelled() => Err(LinkError::Stuck),
        () = stop.soft.cancelled() => Ok(Farewell::GoingAway),
    };
    centre.sessions.leave(&live);
    leave_rooms_later(centre, live, stop);
    ended
}

/// Somebody who does not come back soon leaves their rooms.
fn leave_rooms_later(centre: &Arc<Centre>, live: Arc<Live>, stop: &Stop) {
    let is_away =
        |centre: &Centre, live: &Live| centre.sessions.of(&live.app, &live.name).is_empty();
    if !is_away(centre, &live) || stop.soft.is_cancelled() {
        return;
    }
    let (shared, soft) = (centre.clone(), stop.soft.clone());
    centre.tracker.spawn(async move {
        let waited = soft
            .run_until_cancelled(tokio::time::sleep(shared.away))
            .await;
        if waited.is_none() || !is_away(&shared, &live) {
            return;
        }
        if let Err(error) = muc::leave_all(&shared, live).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "leaving rooms failed"
            );
        }
    });
}

async fn send(link: &mut impl Link, frame: Bytes) -> Result<(), LinkError> {
    let sent = timeout(WRITE, link.send(frame)).await;
    sent.unwrap_or(Err(LinkError::Stuck))
}

/// A client that is logged in.
pub(super) struct Session {
    pub(super) centre: Arc<Centre>,
    pub(super) live: Arc<Live>,
    /// In days, where nothing was said since.
    retention: u64,
}

/// What a frame leads to.
enum Next {
    Answer(Bytes),
    End(Farewell),
}

impl Session {
    async fn serve(&self, link: &mut impl Link, welcome: Bytes) -> Ended {
        send(link, welcome).await?;
        loop {
            // One at a time: a notice that comes while a queue is read is told of behind what was read.
            let next = tokio::select! {
                event = self.live.mailbox.next() => self.event(link, event).await?,
                received = timeout(IDLE, link.receive()) => match received {
                    Err(_) => Next::End(Farewell::Policy),
                    Ok(Ok(Some(frame))) => self.frame(&frame).await,
                    Ok(Ok(None)) => Next::End(Farewell::Normal),
                    Ok(Err(error)) => return Err(error),
                },
            };
            match next {
                Next::Answer(answer) => send(link, answer).await?,
                Next::End(farewell) => return Ok(farewell),
            }
        }
    }

    async fn event(&self, link: &mut impl Link, event: Event) -> Result<Next, LinkError> {
        let Live { app, name, .. } = &*self.live;
        match event {
            Event::Notice(queue) => Ok(Next::Answer(frames::notice(app, &queue))),
            Event::Kicked(why) => {
                send(link, frames::kicked(app, name, why, self.now())).await?;
                Ok(Next::End(Farewell::Policy))
            }
        }
    }

    async fn frame(&self, frame: &[u8]) -> Next {
        let served = match MSync::decode(frame) {
            Ok(frame) => self.command(&frame).await,
            Err(_) => Ok(Next::End(Farewell::Policy)),
        };
        served.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a frame failed");
            Next::End(Farewell::Policy)
        })
    }

    async fn command(&self, frame: &MSync) -> Result<Next, StoreError> {
        let command = frame.command.map(Command::try_from);
        match command {
            Some(Ok(Command::Unread)) => self.unread().await,
            Some(Ok(Command::Sync)) => match CommSyncUl::decode(frame.payload()) {
                Ok(sync) => self.sync(sync).await,
                Err(_) => Ok(Next::End(Farewell::Policy)),
            },
            Some(Ok(Command::Logout)) => Ok(Next::End(Farewell::Normal)),
            Some(Ok(Command::Provision | Command::Notice) | Err(_)) | None => {
                Ok(Next::End(Farewell::Policy))
            }
        }
    }

    async fn sync(&self, sync: CommSyncUl) -> Result<Next, StoreError> {
        if let Some(meta) = sync.meta {
            return self.take(meta).await;
        }
        let queue = sync.queue.as_ref();
        match queue.and_then(|queue| jid::queue(&self.live.app, queue)) {
            Some(queue) => self.pull(queue, sync.key).await.map(Next::Answer),
            None => Ok(Next::End(Farewell::Policy)),
        }
    }

    async fn take(&self, meta: Meta) -> Result<Next, StoreError> {
        let Some(id) = meta.id else {
            return Ok(Next::End(Farewell::Policy));
        };
        let answer = match meta.ns() {
            meta::NameSpace::Chat => chat::send(self, id, meta).await,
            meta::NameSpace::Muc => muc::change(self, id, &meta).await,
            // Statistics, contacts and what else there is: taken, and nothing comes of it.
            _ => Ok(frames::acknowledgement(
                id,
                first_id_at(self.now()),
                self.now(),
            )),
        };
        let answer = self.unless_of_disk(id, answer)?;
        Ok(Next::Answer(frames::frame(Command::Sync, &answer)))
    }

    /// A disk that is full refuses what was sent, and ends no session: what is stored can be read.
    fn unless_of_disk(
        &self,
        wire_id: u64,
        answer: Result<CommSyncDl, StoreError>,
    ) -> Result<CommSyncDl, StoreError> {
        match answer {
            Err(error) if error.is_of_disk() => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a message could not be stored");
                Ok(frames::refused(wire_id, UNAVAILABLE, self.now()))
            }
            answer => answer,
        }
    }

    async fn unread(&self) -> Result<Next, StoreError> {
        let (app, name, oldest) = self.place();
        let read = move |view: &View<'_>| queues::unread(view, &app, &name, oldest);
        let mut queues = self.centre.store.read(read).await?;
        for (queue, ids) in self.live.mailbox.queues() {
            queues.entry(queue).or_default().extend(ids);
        }
        let counts = queues.into_iter().map(|(queue, ids)| (queue, ids.len()));
        let counts: Vec<(Queue, usize)> = counts.collect();
        let answer = frames::unread(&self.live.app, &counts, self.now());
        Ok(Next::Answer(answer))
    }

    /// Lets go of what is acknowledged, and gives the next part of a queue.
    async fn pull(&self, queue: Queue, key: Option<u64>) -> Result<Bytes, StoreError> {
        if let Some(key) = key {
            self.acknowledge(&queue, key).await?;
        }
        let (mut metas, mut last, mut size) = (Vec::new(), 0, 0);
        for (id, meta) in self.waiting(&queue).await? {
            size += meta.len();
            if metas.len() == queues::PAGE || size > META_MAX {
                break;
            }
            last = id;
            metas.extend(Meta::decode(meta));
        }
        let app = &self.live.app;
        if last == 0 {
            return Ok(frames::delivered(app, &queue, key, self.now()));
        }
        Ok(frames::delivery(app, &queue, last, metas, self.now()))
    }

    /// What is kept and what only this device has, in order. The mailbox first: what is in it is in the
    /// store by then, and so is what came before.
    async fn waiting(&self, queue: &Queue) -> Result<BTreeMap<u64, Bytes>, StoreError> {
        let mut all: BTreeMap<u64, Bytes> = self.live.mailbox.letters(queue).into_iter().collect();
        let (app, name, oldest) = self.place();
        let queue = queue.clone();
        let read = move |view: &View<'_>| queues::first(view, &app, &name, &queue, oldest);
        let stored = self.centre.store.read(read).await?;
        // Behind a full page of what is kept there may be more, which must not be passed over.
        if let Some((last, _)) = stored.last().filter(|_| stored.len() == queues::PAGE) {
            all.retain(|id, _| id <= last);
        }
        all.extend(stored);
        Ok(all)
    }

    async fn acknowledge(&self, queue: &Queue, key: u64) -> Result<(), StoreError> {
        self.live.mailbox.acknowledge(queue, key);
        let (app, name, _) = self.place();
        let (asked, store) = (queue.clone(), &self.centre.store);
        let read = move |view: &View<'_>| queues::any(view, &app, &name, &asked, key);
        if store.read::<_, StoreError, _>(read).await? {
            let (app, name, _) = self.place();
            let queue = queue.clone();
            let write = move |edit: &Edit<'_>| queues::acknowledge(edit, &app, &name, &queue, key);
            store.write::<_, StoreError, _>(write).await?;
        }
        Ok(())
    }

    /// Whose queues these are, and the lowest id that is still served.
    fn place(&self) -> (crate::app_key::AppKey, String, u64) {
        let days = self.centre.retention.days(&self.live.app);
        let days = days.unwrap_or(self.retention);
        let oldest = first_id_at(retention::oldest(self.now(), days));
        (self.live.app.clone(), self.live.name.clone(), oldest)
    }

    pub(super) fn now(&self) -> u64 {
        self.centre.clock.unix_millis()
    }
}

const UNAVAILABLE: Refusal = Refusal::of(ErrorCode::Fail, "service unavailable");
/// The gateway has its own limit, and a lower one; SDKs send something every 30 s.
const IDLE: Duration = Duration::from_secs(900);
/// How long one frame may take to be written.
const WRITE: Duration = Duration::from_secs(30);
