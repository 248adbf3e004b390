//! What every store must do, by topic: the same suite for each database.
//!
//! Each case is an async function that takes an empty database and panics when the
//! store does something else than it should. `conformance_suite!` lists the cases,
//! so that a database runs all of them (see `tests/conformance.rs`).
//!
//! Deliberately absent: anything that only one database has, and time: a case is
//! about what is stored, not how fast.

pub mod audit;
pub mod concurrency;
pub mod effect;
pub mod inbox;
pub mod lease;
pub mod payload;
pub mod portable;
pub mod process;
pub mod record;
pub mod reopen;
pub mod retention;
pub mod run;
mod sample;
pub mod setting;
pub mod start_key;
pub mod token;
pub mod workflow;

use crate::{Answer, Store};
use std::sync::Arc;

/// A database that is empty at first and keeps what is stored.
pub trait StoreFactory: Sync {
    /// Opens a store on the database. The one before has been closed or dropped.
    fn open(&self) -> Answer<'_, Arc<dyn Store>>;

    /// Opens a store on a second database, which is empty at first.
    fn another(&self) -> Answer<'_, Arc<dyn Store>>;

    /// Opens a store whose queue has room for few jobs.
    fn open_with_queue(&self, jobs_max: usize) -> Answer<'_, Arc<dyn Store>>;
}

/// Calls a macro with every case: `topic { case case ... } topic { ... }`.
#[macro_export]
macro_rules! conformance_suite {
    ($run:ident) => {
        $run! {
            audit {
                what_was_done_is_kept_with_the_change
                entries_are_found_by_who_what_and_when
                the_chain_holds_every_entry
                entries_of_many_callers_are_one_chain
            }
            concurrency {
                groups_of_many_callers_are_all_kept
                one_of_many_steps_from_the_same_state_wins
                one_of_many_starts_with_the_same_key_wins
                a_refused_commit_leaves_the_rest_of_its_group
                a_known_id_leaves_the_rest_of_its_group
                a_full_queue_is_busy
            }
            effect {
                an_effect_is_listed_until_it_is_done
                a_new_attempt_replaces_the_one_before
                effects_go_with_their_process
                a_process_that_answers_begins_while_it_is_asked
                unsettled_processes_have_effects_or_messages
                the_largest_number_of_an_effect_is_kept
            }
            inbox {
                a_message_waits_until_it_is_consumed
                the_same_message_is_taken_once
                messages_of_a_batch_get_their_rows_in_order
                a_message_to_an_ended_process_is_dropped
                messages_go_with_their_process
                a_stale_batch_sends_and_consumes_nothing
                a_process_consumes_only_its_own
                rows_are_never_reused
                waiting_messages_are_paged_by_row
            }
            lease {
                a_node_takes_what_nobody_holds
                what_a_living_node_holds_is_not_taken
                what_a_dead_node_held_is_taken
                a_taken_partition_refuses_the_epoch_before
                a_partition_that_was_given_back_is_free
                nodes_that_leave_hold_nothing
                a_refused_epoch_leaves_the_rest_of_its_group
                a_new_process_needs_no_lease
            }
            payload {
                a_payload_is_read_as_it_was
                an_unknown_payload_is_none
                a_payload_stays_as_long_as_a_run_refers_to_it
                a_payload_that_is_damaged_is_corrupt
            }
            portable {
                what_is_exported_can_be_imported
                an_import_needs_an_empty_store
                an_import_without_an_end_leaves_nothing
                keys_are_counted_on_after_an_import
            }
            process {
                a_new_process_is_loaded
                a_step_moves_a_process_on
                steps_of_one_process_come_in_one_group
                a_step_from_another_state_is_stale
                a_new_process_with_a_known_id_is_stale
                a_process_that_ended_keeps_its_history
                a_process_that_ends_at_once_is_only_history
                a_step_without_events_changes_the_rest
                a_snapshot_stands_for_the_chunks_before_it
                a_process_without_end_forgets
                a_process_that_forgets_leaves_nothing_when_it_ends
                history_begins_with_the_chunk_of_an_event
                due_processes_come_earliest_first
                due_processes_of_few_are_not_hidden_by_those_of_many
                due_processes_are_found_by_partition
                live_processes_are_paged_by_kind
                a_batch_that_makes_no_sense_is_refused
            }
            record {
                a_record_is_read_as_it_was_written
                records_are_found_by_many_ids
                a_record_is_changed_from_the_stored_revision
                a_record_is_removed_with_its_keys
                a_unique_key_is_one_records
                records_are_paged_by_key
                changes_are_made_together_or_not_at_all
                messages_are_sent_with_changes
                flows_change_with_records
            }
            reopen {
                what_was_committed_is_there_after_close
                what_was_committed_is_there_after_drop
                a_closed_store_accepts_nothing
                what_was_accepted_is_done_before_close
            }
            retention {
                old_runs_go_with_all_that_is_theirs
                live_and_young_runs_stay
                a_removal_is_bounded
                space_is_given_back
                how_long_is_kept_is_said_by_environment_and_flow
            }
            run {
                a_run_is_read_as_it_was_written
                a_patch_changes_a_run
                failures_are_listed_in_the_order_of_their_ends
                runs_are_listed_newest_first
                runs_are_listed_by_status_and_time
                runs_are_paged_in_both_directions
                a_stale_commit_changes_no_run
            }
            setting {
                a_setting_is_read_as_it_was_set
                a_setting_that_is_there_stays
            }
            start_key {
                a_key_starts_one_process
                keys_of_other_sources_are_others
                a_key_outlives_its_process
                a_key_is_free_after_a_refused_start
            }
            token {
                tokens_are_listed_and_their_names_unique
            }
            workflow {
                a_flow_is_found_by_name_id_and_key
                flows_are_found_by_many_ids
                a_name_is_taken_once_in_an_environment
                a_change_needs_the_stored_revision
                versions_are_kept
                a_flow_goes_with_its_versions
                flows_are_paged_by_name
            }
        }
    };
}
