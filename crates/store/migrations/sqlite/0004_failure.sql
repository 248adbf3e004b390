-- Runs that failed (2) or timed out (4), in the order of their ends: `failures`. Runs that
-- succeed are in no part of it.
CREATE INDEX run_by_failure ON run (ended, id) WHERE status IN (2, 4);
