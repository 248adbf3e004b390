//! The simulated store keeps the rules of every store, as far as it has them.

use parking_lot::Mutex;
use sim::link::{Link, Troubles};
use sim::random::Random;
use sim::store::SimStore;
use sim::truth::Truth;
use std::sync::Arc;
use store::conformance::StoreFactory;
use store::{Answer, Store};
use tokio::sync::broadcast;

struct Simulated(Arc<Mutex<Truth>>);

impl StoreFactory for Simulated {
    fn open(&self) -> Answer<'_, Arc<dyn Store>> {
        let link = Link::new(Random::new(1), Troubles::default());
        let store = SimStore::new(Arc::clone(&self.0), link, broadcast::channel(16).0);
        Box::pin(async move { Ok(Arc::new(store) as Arc<dyn Store>) })
    }

    fn another(&self) -> Answer<'_, Arc<dyn Store>> {
        self.open()
    }

    fn open_with_queue(&self, _jobs_max: usize) -> Answer<'_, Arc<dyn Store>> {
        self.open()
    }
}

macro_rules! tests {
    ($($topic:ident { $($case:ident)* })*) => {
        $(mod $topic {
            $(#[tokio::test(start_paused = true)]
            async fn $case() {
                let truth = super::Arc::new(super::Mutex::new(super::Truth::new(None)));
                store::conformance::$topic::$case(&super::Simulated(truth)).await;
            })*
        })*
    };
}

// What nodes rely on when things go wrong; the rest of the suite is about what is not
// simulated: the audit, names of flows, files.
tests! {
    concurrency {
        groups_of_many_callers_are_all_kept
        one_of_many_steps_from_the_same_state_wins
        one_of_many_starts_with_the_same_key_wins
        a_refused_commit_leaves_the_rest_of_its_group
        a_known_id_leaves_the_rest_of_its_group
    }
    effect {
        an_effect_is_listed_until_it_is_done
        a_new_attempt_replaces_the_one_before
        effects_go_with_their_process
        a_process_that_answers_begins_while_it_is_asked
        unsettled_processes_have_effects_or_messages
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
        a_record_is_changed_from_the_stored_revision
        a_record_is_removed_with_its_keys
        a_unique_key_is_one_records
        records_are_paged_by_key
        changes_are_made_together_or_not_at_all
        messages_are_sent_with_changes
    }
    run {
        a_run_is_read_as_it_was_written
        a_patch_changes_a_run
        runs_are_listed_newest_first
        runs_are_listed_by_status_and_time
        runs_are_paged_in_both_directions
        a_stale_commit_changes_no_run
    }
    start_key {
        a_key_starts_one_process
        keys_of_other_sources_are_others
        a_key_outlives_its_process
        a_key_is_free_after_a_refused_start
    }
}
