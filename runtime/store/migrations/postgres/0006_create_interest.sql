-- What: which events the programs of this store have ever taken in.
-- Why: what no program wants has not to be kept by its home, nor asked about.
-- Lock: none.
-- Safe while old binaries run: yes, they never name it; a role needs its grant before the new ones run.

CREATE TABLE {schema}.interest (
  event text COLLATE "C" NOT NULL PRIMARY KEY,
  waits boolean NOT NULL
);
