-- What: up to where the events of each shard are in their topics.
-- Why: what lies behind it is sent again by the next owner, and is kept until then.
-- Lock: ACCESS EXCLUSIVE on `shard` for a moment, and its few rows; batches wait for that long.
-- Safe while old binaries run: yes, they never name it; what they write is kept until a new one has
-- moved its mark.

-- Nothing was sent to topics before, and nothing of that is wanted there.
ALTER TABLE {schema}.shard ADD COLUMN emitted bigint NOT NULL DEFAULT 0 CHECK (emitted >= 0);
UPDATE {schema}.shard SET emitted = last;
