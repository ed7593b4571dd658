//! Pages of this region's Apps.

use std::sync::Arc;

use super::Registry;
use super::distrust::Distrust;
use super::known::{App, Home, Status};
use super::locate::LookUpError;
use super::names::Hash;
use super::record::Record;
use super::store::{Entry, Key};
use super::trust::{Fault, Named};
use crate::domain::AppKey;

/// Some of this region's Apps, in the order of their AppKey hashes.
#[derive(Debug, Default)]
pub struct Page {
    /// May be shorter than asked for although there is more.
    pub items: Vec<Arc<App>>,
    /// Where the next page starts; `None`: this was the last one.
    pub next_cursor: Option<String>,
    /// Entries passed over because they do not verify.
    pub untrusted: usize,
}

/// Which Apps a list is of, by AppKey and standing.
pub type Wanted<'a> = dyn Fn(&AppKey, Status) -> bool + Send + Sync + 'a;

/// The most records that one page opens: a filter that matches few doesn't scan the whole region.
const SCAN: usize = 2_000;
/// The most Apps whose pins are read together.
const TOGETHER: usize = 64;

impl Registry {
    /// Apps of this region behind the cursor `after` that are `wanted`, at most `limit`.
    ///
    /// # Errors
    /// When the store can't be asked or was rolled back.
    pub async fn list(
        &self,
        after: Option<String>,
        limit: usize,
        wanted: &Wanted<'_>,
    ) -> Result<Page, LookUpError> {
        self.require_trust().await.map_err(|f| self.failed(f))?;
        let prefix = Key::apps(&self.region);
        let mut cursor = after;
        let mut page = Page::default();
        let mut scanned = 0;
        while scanned < SCAN {
            let many = (limit.max(1) - page.items.len()).min(SCAN - scanned);
            let from = cursor
                .as_ref()
                .map(|c| Key::from_text(&format!("{prefix}{c}")));
            let entries = self.store.range(prefix.clone(), from, many).await;
            let entries = entries.map_err(|away| self.away(away))?;
            let ended = entries.len() < many;
            scanned += entries.len();
            for some in entries.chunks(TOGETHER) {
                self.list_some(&prefix, some, wanted, &mut page).await?;
            }
            if let Some((last, _)) = entries.last() {
                cursor = last.after(&prefix).map(str::to_owned);
            }
            if ended {
                return Ok(page);
            }
            if page.items.len() >= limit.max(1) {
                break;
            }
        }
        page.next_cursor = cursor;
        Ok(page)
    }

    /// How many Apps this region has, retired ones included.
    ///
    /// # Errors
    /// When the store can't be asked.
    pub async fn count(&self) -> Result<u64, LookUpError> {
        let count = self.store.count_apps(&self.region).await;
        count.map_err(|away| self.away(away))
    }

    /// One reading of the store for all of them.
    async fn list_some(
        &self,
        prefix: &Key,
        entries: &[Entry],
        wanted: &Wanted<'_>,
        page: &mut Page,
    ) -> Result<(), LookUpError> {
        let mut records = Vec::new();
        for (key, bytes) in entries {
            match self.opened(key.after(prefix), bytes).await {
                Ok(record) if wanted(&record.app_key, record.status) => records.push(record),
                Ok(_) => {}
                Err(Fault::Unavailable(away)) => return Err(self.away(away)),
                Err(Fault::Distrust(_)) => page.untrusted += 1,
            }
        }
        let places = records
            .iter()
            .map(|record| self.places(&record.app_key, Some(&record.app_id)));
        let places: Vec<Vec<Key>> = places.collect();
        let values = self.read(places.concat()).await;
        let values = values.map_err(|fault| self.failed(fault))?;
        let mut values = values.into_iter();
        for (record, places) in records.iter().zip(&places) {
            let own = values.by_ref().take(places.len()).collect();
            self.list_one(record, own, page).await?;
        }
        Ok(())
    }

    async fn opened(&self, name: Option<&str>, bytes: &[u8]) -> Result<Record, Fault> {
        match name.and_then(Hash::parse) {
            Some(hash) => self.unseal(&hash, bytes).await,
            None => Err(Distrust::SealedRecord.into()),
        }
    }

    async fn list_one(
        &self,
        record: &Record,
        values: Vec<Option<Vec<u8>>>,
        page: &mut Page,
    ) -> Result<(), LookUpError> {
        match self.listed(record, values).await {
            Ok(Some(app)) => page.items.push(app),
            Ok(None) => page.untrusted += 1,
            Err(Fault::Unavailable(away)) => return Err(self.away(away)),
            Err(Fault::Distrust(reason)) => {
                self.distrusted(reason);
                page.untrusted += 1;
            }
        }
        // Signatures are verified for each item: others get their turn in between.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn listed(
        &self,
        record: &Record,
        values: Vec<Option<Vec<u8>>>,
    ) -> Result<Option<Arc<App>>, Fault> {
        let (key, id) = (&record.app_key, &record.app_id);
        match self.named(key, Some(id), values).await? {
            Named::Taken(verified) => match self.home(key, verified) {
                Home::Here(app) => Ok(Some(app)),
                Home::Elsewhere(_) => Ok(None),
            },
            Named::Free | Named::SpeltOtherwise => Ok(None),
        }
    }

    fn away(&self, away: super::store::Unavailable) -> LookUpError {
        self.facts.away();
        self.failed(away.into())
    }
}
