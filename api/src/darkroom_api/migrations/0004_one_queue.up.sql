-- One index in the order in which rows are due, for exactly the submitter's condition: the first
-- rows are found without looking at the others, however long the backlog is.
DROP INDEX tasks_to_submit;
DROP INDEX tasks_to_withdraw;
CREATE INDEX tasks_due ON tasks (submit_after)
WHERE (uid IS NULL AND status = 'queued')
    OR (cancel_requested_at IS NOT NULL AND withdrawn_at IS NULL);
