-- What: an index of items of no run that are closed, by when.
-- Why: they go a week after they were closed; those of a run go with it.
-- Lock: SHARE on `item` while it is read once; batches that write an item wait for that long.
-- Safe while old binaries run: yes, they never name it.

-- Serves EXPIRE.
CREATE INDEX item_closed ON {schema}.item (at) WHERE run IS NULL AND NOT open;
