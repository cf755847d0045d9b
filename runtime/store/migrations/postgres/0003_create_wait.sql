-- What: which shards want to be told of which events of other shards, and a way to the events of a name.
-- Why: a home asks who waits when an event has come; a shard that begins to wait reads what is kept.
-- Lock: SHARE on `event` while its index is built; events wait for that long.
-- Safe while old binaries run: yes, they never name it; a role needs its grant before the new ones run.

-- A long key is kept as a start key is, and whole beside it.
CREATE TABLE {schema}.wait (
  namespace text COLLATE "C" NOT NULL,
  event     text COLLATE "C" NOT NULL,
  key       text COLLATE "C" NOT NULL,
  shard     integer NOT NULL CHECK (shard >= 0),
  whole_key text COLLATE "C",
  PRIMARY KEY (namespace, event, key, shard)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
-- Serves TOLD: what a shard that is recovered is told of.
CREATE INDEX wait_shard ON {schema}.wait (shard);

-- Serves NAMED: the events of one name at their home, in order. A key has no limit, an entry of an index
-- has: the beginning of a key finds it among few.
CREATE INDEX event_name ON {schema}.event (shard, namespace, event, left(key, 200), number);
