-- What: which events the programs of this store have ever taken in.
-- Why: what no program wants has not to be kept by its home, nor asked about.
-- Lock: none.
-- Safe while old binaries run: there are none, a file has one process; an older program refuses it.

CREATE TABLE interest (
  event TEXT NOT NULL PRIMARY KEY,
  waits INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Runs that are there already may want anything.
INSERT INTO interest (event, waits) SELECT '*', 1 WHERE EXISTS (SELECT 1 FROM journal);
