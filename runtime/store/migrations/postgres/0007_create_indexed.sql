-- What: the values by which runs are found beside their key.
-- Why: people look for the runs of a customer, an order or an amount, among a million others.
-- Lock: none that matters, the table is new.
-- Safe while old binaries run: they never name it, so their runs are found by no value, and values of runs
-- that they delete stay; stop them first. A role needs its grant before the new ones run.

-- A run has one value of each name; its rows go with it (EXPIRE). Run ids grow with time, so the key
-- grows at its end. Runs that are there already are found by none.
CREATE TABLE {schema}.indexed (
  run       uuid NOT NULL,
  name      text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  value     text COLLATE "C" NOT NULL,
  PRIMARY KEY (run, name)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
-- Serves FIND: the runs that have a value, newest first. It holds all that is asked for, so that the
-- table itself is not read once it has been vacuumed.
CREATE INDEX indexed_value ON {schema}.indexed (namespace, name, value, run);
