-- What: which events the programs of this store have ever taken in.
-- Why: what no program wants has not to be kept by its home, nor asked about.
-- Lock: none.
-- Safe while old binaries run: no, they say nothing of what their runs want; stop them first.

CREATE TABLE {schema}.interest (
  event text COLLATE "C" NOT NULL PRIMARY KEY,
  waits boolean NOT NULL,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Runs that are there already may want anything.
INSERT INTO {schema}.interest (event, waits)
  SELECT '*', true WHERE EXISTS (SELECT FROM {schema}.journal);
