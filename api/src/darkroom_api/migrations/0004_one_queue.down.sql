DROP INDEX tasks_due;
CREATE INDEX tasks_to_submit ON tasks (submit_after) WHERE uid IS NULL AND status = 'queued';
CREATE INDEX tasks_to_withdraw ON tasks (submit_after)
WHERE cancel_requested_at IS NOT NULL AND withdrawn_at IS NULL;
