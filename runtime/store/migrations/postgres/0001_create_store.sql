-- What: the tables of a store that several nodes share.
-- Why: leases, records, start keys, look-up rows, items and events of all shards, in one schema.
-- Lock: none that matters, the schema is new.
-- Safe while old binaries run: yes, there are none.
--
-- `{schema}` is replaced by the store's schema. Names are compared byte by byte (`COLLATE "C"`): the
-- order of a list must not hang on the server's language.

CREATE TABLE {schema}.meta (
  key   text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);

-- The fence of every batch (epoch, owner and the position before it) and the lease, in one row. No
-- column but the first is indexed, and pages are kept nearly empty, so that every update stays on its
-- page and leaves nothing to vacuum.
CREATE TABLE {schema}.shard (
  shard       integer PRIMARY KEY CHECK (shard BETWEEN 0 AND 4095),
  epoch       bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
  owner       uuid,
  node        uuid,
  lease_until timestamptz NOT NULL DEFAULT '-infinity',
  last        bigint NOT NULL DEFAULT 0,
  bucket      integer NOT NULL DEFAULT 0 CHECK (bucket >= 0),
  checkpoint  bigint NOT NULL DEFAULT 0,
  CHECK (checkpoint BETWEEN 0 AND last),
  CHECK (owner IS NULL OR node IS NOT NULL)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE {schema}.node (
  node       uuid PRIMARY KEY,
  address    text NOT NULL,
  workflows  text[] NOT NULL,
  format_min bigint NOT NULL,
  format_max bigint NOT NULL,
  draining   boolean NOT NULL,
  seen_at    timestamptz NOT NULL
) WITH (fillfactor = 50);

-- One row per record, in a section per retention class, so that what goes soon does not lie between
-- what stays for years.
CREATE TABLE {schema}.journal (
  seq    bigint NOT NULL CHECK (seq > 0),
  number bigint NOT NULL CHECK (number >= 0),
  run    uuid,
  shard  integer NOT NULL,
  bucket integer NOT NULL,
  class  smallint NOT NULL CHECK (class BETWEEN 0 AND 255),
  body   bytea NOT NULL,
  PRIMARY KEY (shard, seq, class)
) PARTITION BY LIST (class);
-- A run has one class. Serves HISTORY and EXPIRE, and keeps a record's number from being written twice.
CREATE UNIQUE INDEX journal_run ON {schema}.journal (run, number, class) WHERE run IS NOT NULL;
-- Serves EXPIRE: the shards' own records before a checkpoint.
CREATE INDEX journal_own ON {schema}.journal (shard, seq) WHERE run IS NULL;
CREATE TABLE {schema}.journal_0 PARTITION OF {schema}.journal FOR VALUES IN (0);
CREATE TABLE {schema}.journal_1 PARTITION OF {schema}.journal FOR VALUES IN (1);
CREATE TABLE {schema}.journal_2 PARTITION OF {schema}.journal FOR VALUES IN (2);
CREATE TABLE {schema}.journal_3 PARTITION OF {schema}.journal FOR VALUES IN (3);
CREATE TABLE {schema}.journal_4 PARTITION OF {schema}.journal FOR VALUES IN (4);
CREATE TABLE {schema}.journal_5 PARTITION OF {schema}.journal FOR VALUES IN (5);
CREATE TABLE {schema}.journal_more PARTITION OF {schema}.journal DEFAULT;

-- A long key is kept as its beginning and its hash: an entry of an index has a limit, a key has none.
CREATE TABLE {schema}.start_key (
  namespace   text COLLATE "C" NOT NULL,
  workflow    text COLLATE "C" NOT NULL,
  key         text COLLATE "C" NOT NULL,
  run         uuid NOT NULL,
  fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
  PRIMARY KEY (namespace, workflow, key)
);
-- Serves the deletion of a run's keys. Run ids grow with time, so it grows at its end.
CREATE INDEX start_key_run ON {schema}.start_key (run);

CREATE TABLE {schema}.run (
  run        uuid PRIMARY KEY,
  shard      integer NOT NULL,
  namespace  text COLLATE "C" NOT NULL,
  workflow   text COLLATE "C" NOT NULL,
  version    bigint NOT NULL,
  hash       text COLLATE "C" NOT NULL,
  key        text COLLATE "C",
  status     text COLLATE "C" NOT NULL,
  flags      text NOT NULL,
  started_at bigint NOT NULL,
  ended_at   bigint,
  expires_at bigint,
  due_at     bigint,
  upto       bigint NOT NULL,
  snapshot   bytea
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
-- Serves OPEN (recovery reads the runs of a shard that have not ended).
CREATE INDEX run_open ON {schema}.run (shard) WHERE ended_at IS NULL;
-- Serves EXPIRE (what may be deleted).
CREATE INDEX run_expiry ON {schema}.run (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE {schema}.item (
  id        text COLLATE "C" PRIMARY KEY,
  kind      text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  run       uuid,
  open      boolean NOT NULL,
  at        bigint NOT NULL,
  body      text NOT NULL
);
-- Serve LIST_OPEN and LIST_ALL: the open items of a kind, and all of them, oldest first.
CREATE INDEX item_open ON {schema}.item (namespace, kind, at, id) WHERE open;
CREATE INDEX item_all ON {schema}.item (namespace, kind, at, id);
-- Serves the deletion of a run's items.
CREATE INDEX item_run ON {schema}.item (run) WHERE run IS NOT NULL;

-- A long id is kept as a start key is, and whole beside it.
CREATE TABLE {schema}.event (
  shard     integer NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  event     text COLLATE "C" NOT NULL,
  id        text COLLATE "C" NOT NULL,
  whole_id  text COLLATE "C",
  key       text COLLATE "C" NOT NULL,
  number    bigint NOT NULL,
  at        bigint NOT NULL,
  payload   text NOT NULL,
  PRIMARY KEY (shard, namespace, event, id)
);
-- Serves EXPIRE: events that nobody can want.
CREATE INDEX event_at ON {schema}.event (at);
