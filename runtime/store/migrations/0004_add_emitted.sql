-- What: up to where the events of each shard are in their topics.
-- Why: what lies behind it is sent again by the next owner, and is kept until then.
-- Lock: none that matters, the table has a row per shard.
-- Safe while old binaries run: there are none, a file has one process; an older program refuses it.

-- Nothing was sent to topics before, and nothing of that is wanted there.
ALTER TABLE shard ADD COLUMN emitted INTEGER NOT NULL DEFAULT 0 CHECK (emitted >= 0);
UPDATE shard SET emitted = last;
