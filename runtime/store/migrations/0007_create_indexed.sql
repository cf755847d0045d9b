-- What: the values by which runs are found beside their key.
-- Why: people look for the runs of a customer, an order or an amount, among a million others.
-- Lock: none that matters, the table is new.
-- Safe while old binaries run: there are none, a file has one process; an older program refuses it.

-- A run has one value of each name; its rows go with it (DELETE_RUN). Run ids grow with time, so it
-- grows at its end. Runs that are there already are found by none.
CREATE TABLE indexed (
  run       BLOB NOT NULL CHECK (length(run) = 16),
  name      TEXT NOT NULL,
  namespace TEXT NOT NULL,
  value     TEXT NOT NULL,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
-- Serves FIND: the runs that have a value, newest first.
CREATE INDEX indexed_value ON indexed (namespace, name, value, run);
