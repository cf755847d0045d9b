-- What: messages from shard to shard, from the batch that sent them to the batch that took them.
-- Why: a shard that needs another one tells it by its own batch, and is read by it afterwards.
-- Lock: none that matters, the table is new.
-- Safe while old binaries run: there are none, a file has one process; an older program refuses it.

-- By receiver, in the order in which a receiver reads: INBOX and MAIL are ranges of the primary key, and
-- nothing is looked for by a number that only grows.
CREATE TABLE inbox (
  shard     INTEGER NOT NULL,
  src_shard INTEGER NOT NULL,
  src_epoch INTEGER NOT NULL,
  src_seq   INTEGER NOT NULL,
  src_index INTEGER NOT NULL,
  body      BLOB NOT NULL,
  PRIMARY KEY (shard, src_shard, src_epoch, src_seq, src_index)
) STRICT, WITHOUT ROWID;
