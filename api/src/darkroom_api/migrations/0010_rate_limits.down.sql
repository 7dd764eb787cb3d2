DROP TABLE quota_usage;
ALTER TABLE users DROP COLUMN quota;
DROP TABLE rate_buckets;
