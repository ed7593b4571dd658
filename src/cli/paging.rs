//! Lists of the admin API, a page at a time.

use serde_json::Value;

use super::exit::tell;

/// Which page.
#[derive(Debug, clap::Args)]
pub struct Paging {
    /// How many, from 1 to 1000
    #[arg(long, value_name = "N")]
    limit: Option<u16>,
    /// The next_cursor of an earlier page
    #[arg(long)]
    cursor: Option<String>,
}

impl Paging {
    /// The query that asks for it.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        let cursor = self.cursor.clone().map(|cursor| ("cursor", cursor));
        limit.into_iter().chain(cursor).collect()
    }
}

/// Says how to go on behind a page, if there is more.
pub fn tell_more(page: &Value) {
    if let Some(cursor) = page["next_cursor"].as_str() {
        tell(&format!("There are more: --cursor {cursor}"));
    }
}
