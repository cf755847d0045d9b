-- What: the tables of an embedded store, and the mark that makes the file ours.
-- Why: records, start keys, look-up rows, items and events of all shards, in one file of one process.
-- Lock: none that matters, the file is new.
-- Safe while old binaries run: yes, there are none.

-- 'SGFW': a file with another mark is refused before anything is touched.
PRAGMA application_id = 1397179991;

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The fence of every batch: epoch, owner and the position before it, in one row.
CREATE TABLE shard (
  shard      INTEGER PRIMARY KEY CHECK (shard BETWEEN 0 AND 4095),
  epoch      INTEGER NOT NULL DEFAULT 0,
  owner      BLOB CHECK (length(owner) = 16),
  last       INTEGER NOT NULL DEFAULT 0,
  bucket     INTEGER NOT NULL DEFAULT 0,
  checkpoint INTEGER NOT NULL DEFAULT 0,
  CHECK (checkpoint BETWEEN 0 AND last)
) STRICT;

-- One row per record. Shard and position are one number, so that a record is one entry of one tree
-- and each shard appends to its own end of it.
CREATE TABLE journal (
  position INTEGER PRIMARY KEY,
  shard    INTEGER AS (position >> 40) VIRTUAL,
  seq      INTEGER AS (position & 1099511627775) VIRTUAL,
  bucket   INTEGER NOT NULL,
  class    INTEGER NOT NULL,
  run      BLOB CHECK (length(run) = 16),
  number   INTEGER NOT NULL,
  body     BLOB NOT NULL
) STRICT;
-- Serves HISTORY and SETTLED, and keeps a record's number from being written twice.
CREATE UNIQUE INDEX journal_run ON journal (run, number) WHERE run IS NOT NULL;
-- Serves DELETE_OWN: the shards' own records before a checkpoint.
CREATE INDEX journal_own ON journal (position) WHERE run IS NULL;

CREATE TABLE start_key (
  namespace   TEXT NOT NULL,
  workflow    TEXT NOT NULL,
  key         TEXT NOT NULL,
  run         BLOB NOT NULL CHECK (length(run) = 16),
  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
  PRIMARY KEY (namespace, workflow, key)
) STRICT, WITHOUT ROWID;
-- Serves the deletion of a run's keys. Run ids grow with time, so it grows at its end.
CREATE INDEX start_key_run ON start_key (run);

CREATE TABLE run (
  run        BLOB PRIMARY KEY CHECK (length(run) = 16),
  shard      INTEGER NOT NULL,
  namespace  TEXT NOT NULL,
  workflow   TEXT NOT NULL,
  version    INTEGER NOT NULL,
  hash       TEXT NOT NULL,
  key        TEXT,
  status     TEXT NOT NULL,
  flags      TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at   INTEGER,
  expires_at INTEGER,
  due_at     INTEGER,
  upto       INTEGER NOT NULL,
  snapshot   BLOB
) STRICT, WITHOUT ROWID;
-- Serves OPEN (recovery reads the runs of a shard that have not ended).
CREATE INDEX run_open ON run (shard) WHERE ended_at IS NULL;
-- Serves DUE (what may be deleted).
CREATE INDEX run_expiry ON run (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE item (
  id        TEXT PRIMARY KEY,
  kind      TEXT NOT NULL,
  namespace TEXT NOT NULL,
  run       BLOB CHECK (length(run) = 16),
  open      INTEGER NOT NULL CHECK (open IN (0, 1)),
  at        INTEGER NOT NULL,
  body      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Serve LIST: the open items of a kind, and all of them, oldest first.
CREATE INDEX item_open ON item (namespace, kind, at, id) WHERE open = 1;
CREATE INDEX item_all ON item (namespace, kind, at, id);
-- Serves the deletion of a run's items.
CREATE INDEX item_run ON item (run) WHERE run IS NOT NULL;

CREATE TABLE event (
  shard     INTEGER NOT NULL,
  namespace TEXT NOT NULL,
  event     TEXT NOT NULL,
  id        TEXT NOT NULL,
  key       TEXT NOT NULL,
  number    INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  payload   TEXT NOT NULL,
  PRIMARY KEY (shard, namespace, event, id)
) STRICT, WITHOUT ROWID;
-- Serves FORGET and STALE: events that nobody can want.
CREATE INDEX event_at ON event (namespace, at);
