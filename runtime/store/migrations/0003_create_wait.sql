-- What: which shards want to be told of which events of other shards, and a way to the events of a name.
-- Why: a home asks who waits when an event has come; a shard that begins to wait reads what is kept.
-- Lock: none that matters; the index is built while the file is opened.
-- Safe while old binaries run: there are none, a file has one process; an older program refuses it.

CREATE TABLE wait (
  namespace TEXT NOT NULL,
  event     TEXT NOT NULL,
  key       TEXT NOT NULL,
  shard     INTEGER NOT NULL,
  PRIMARY KEY (namespace, event, key, shard)
) STRICT, WITHOUT ROWID;
-- Serves TOLD: what a shard that is recovered is told of.
CREATE INDEX wait_shard ON wait (shard);

-- Serves NAMED: the events of one name at their home, in order.
CREATE INDEX event_name ON event (shard, namespace, event, key, number);
