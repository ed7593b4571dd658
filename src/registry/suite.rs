//! What every backend of the registry shows, with the same assertions.

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use super::tests::apps::*;
pub use super::tests::control::*;
pub use super::tests::histories::*;
pub use super::tests::outage::*;
pub use super::tests::races::*;
pub use super::tests::reseal::*;
pub use super::tests::rollback::*;
pub use super::tests::stores::*;
pub use super::tests::untrusted::*;
use super::{Key, Store};

/// A fresh, empty store, and a way around its rules.
pub trait Backend: Send + Sync {
    fn store(&self) -> Arc<dyn Store>;

    /// Writes, or removes, behind the store's back.
    fn tamper(&self, key: Key, value: Option<Vec<u8>>) -> BoxFuture<'_, ()>;
}

/// Runs the suite over the backends that the expression makes.
macro_rules! tests {
    ($make:expr) => {
        $crate::registry::suite::tests!($make;
            a_transaction_is_all_or_nothing,
            ranges_stay_in_their_prefix,
            records_are_counted_once_and_for_their_region,
            each_commit_adds_the_next_link,
            regions_are_written_once,
            a_part_is_put_in_whole_where_there_is_none,
            an_import_leaves_the_regions_as_they_are,
            an_app_is_registered_and_found_by_both_names,
            the_answers_come_in_the_specified_order,
            another_spelling_is_unknown_and_taken,
            suspending_and_resuming_reach_every_gateway,
            a_retired_app_is_a_tombstone_for_ever,
            a_stale_revision_changes_nothing,
            lists_come_in_pages,
            a_miss_ends_with_the_registration,
            a_gateway_with_other_regions_registers_nothing,
            what_does_not_verify_is_refused,
            a_known_app_that_is_contradicted_is_nobodys,
            a_pin_key_ends_at_its_time,
            concurrent_misses_become_one_read,
            a_page_of_apps_is_read_together,
            a_start_reads_few_records_of_many,
            a_likely_app_id_saves_a_read_and_changes_no_answer,
            who_waits_takes_over_from_who_left,
            a_late_answer_is_not_remembered,
            a_late_record_is_stale,
            a_miss_is_forgotten_after_its_time,
            known_apps_survive_an_outage,
            missed_changes_are_asked_for,
            a_gateway_starts_without_its_store,
            changed_apps_are_read_again,
            a_locator_follows_changes,
            all_goes_under_the_newest_key_and_says_the_same,
            a_change_in_the_midst_of_it_is_not_lost,
            a_missing_or_a_wrong_key_is_told_at_the_start,
            altered_texts_stay_as_they_are,
            a_store_that_was_rolled_back_is_not_believed,
            a_gateway_that_was_ready_serves_known_apps_on_a_rolled_back_store,
            a_rolled_back_store_cannot_catch_up_unseen,
            a_rolled_back_store_is_not_read_before_the_next_check,
            a_rolled_back_store_gives_no_accounts,
            names_that_another_region_has_lost_are_not_free,
            another_history_is_a_rollback,
            a_missing_anchor_is_believed_once,
            the_anchor_knows_a_commit_before_it_is_acknowledged,
            what_is_not_anchored_is_not_acknowledged_by_asking_again,
            what_another_gateway_made_is_anchored_too,
            a_home_that_was_taken_back_is_asked_for_again,
            one_registration_of_a_name_wins,
            the_same_registration_wins_once_and_is_found_by_the_others,
            concurrent_changes_are_all_made,
            histories_are_linearizable,
            a_store_that_ignores_what_is_there_is_found,
            a_store_that_loses_a_change_is_found,
            settings_are_changed,
            certificates_rotate,
            users_are_revoked,
            accounts_live_in_the_store,
            the_last_owner_stays,
            unused_accounts_are_swept,
            an_account_that_comes_into_use_meanwhile_stays,
            a_foreign_account_lets_nobody_in,
        );
    };
    ($make:expr; $($name:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            $crate::registry::suite::$name($make).await;
        })*
    };
}
pub(crate) use tests;

/// SPEC 7: within a second everywhere; the rest is for slow machines.
pub async fn eventually(condition: impl AsyncFn() -> bool) {
    let polled = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    let deadline = std::time::Duration::from_secs(10);
    tokio::time::timeout(deadline, polled).await.unwrap();
}
