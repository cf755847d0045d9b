-- What: an index of items of no run that are closed, by when.
-- Why: they go a week after they were closed; those of a run go with it.
-- Lock: none that matters, a file has one process.
-- Safe while old binaries run: there are none; an older program refuses the file.

-- Serves DELETE_CLOSED.
CREATE INDEX item_closed ON item (at) WHERE run IS NULL AND open = 0;
