ALTER TABLE tasks ADD COLUMN traceparent text;

COMMENT ON COLUMN tasks.traceparent IS 'The span of the request that made it (W3C); null where nothing was traced.';
