-- What: messages from shard to shard, from the batch that sent them to the batch that took them.
-- Why: a shard that needs another one tells it by its own batch, and is read by it afterwards.
-- Lock: none that matters, the table is new.
-- Safe while old binaries run: yes, they never name it; a role needs its grant before the new ones run.

-- By receiver, in the order in which a receiver reads: INBOX and MAIL are ranges of the primary key, and
-- nothing is looked for by a number that only grows, because batches of several writers become visible
-- in any order. What is taken is deleted, so it is vacuumed early: dead entries lie where the next look
-- begins.
CREATE TABLE {schema}.inbox (
  shard     integer NOT NULL CHECK (shard >= 0),
  src_shard integer NOT NULL CHECK (src_shard >= 0),
  src_epoch bigint NOT NULL CHECK (src_epoch >= 0),
  src_seq   bigint NOT NULL CHECK (src_seq >= 0),
  src_index integer NOT NULL CHECK (src_index >= 0),
  body      bytea NOT NULL,
  PRIMARY KEY (shard, src_shard, src_epoch, src_seq, src_index)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
