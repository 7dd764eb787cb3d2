-- no transaction
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_owner_status;
CREATE INDEX CONCURRENTLY tasks_by_owner_status ON tasks (owner, status, created_at DESC, id DESC);
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_recipe;
CREATE INDEX CONCURRENTLY tasks_by_recipe ON tasks ((spec ->> 'recipe'), created_at DESC, id DESC)
WHERE spec ->> 'recipe' IS NOT NULL;
-- Most tasks are pictures of the pool default: those are found by their owner.
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_pool;
CREATE INDEX CONCURRENTLY tasks_by_pool ON tasks (pool, created_at DESC, id DESC)
WHERE pool <> 'default';
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_type;
CREATE INDEX CONCURRENTLY tasks_by_type
ON tasks (coalesce(spec ->> 'type', 'Image'), created_at DESC, id DESC)
WHERE coalesce(spec ->> 'type', 'Image') <> 'Image';
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_batch;
CREATE INDEX CONCURRENTLY tasks_by_batch ON tasks (batch, created_at DESC, id DESC)
WHERE batch IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_metadata;
CREATE INDEX CONCURRENTLY tasks_by_metadata ON tasks USING gin (metadata jsonb_path_ops)
WHERE metadata <> '{}';
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_words;
CREATE INDEX CONCURRENTLY tasks_by_words ON tasks
USING gin (darkroom_words(source_filename, metadata));
DROP INDEX CONCURRENTLY IF EXISTS tasks_to_cancel;
CREATE INDEX CONCURRENTLY tasks_to_cancel ON tasks (cancel_at)
WHERE cancel_at IS NOT NULL AND status IN ('queued', 'running');
DROP INDEX CONCURRENTLY IF EXISTS tasks_deleted;
CREATE INDEX CONCURRENTLY tasks_deleted ON tasks (deleted_at) WHERE deleted_at IS NOT NULL;
