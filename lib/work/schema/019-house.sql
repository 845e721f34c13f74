-- What is too old is found along the index on (task, due), or by one on its age.  The ranges of these only
-- grew: once room in a table was used again each of them held old and new rows, and a look read the whole.
DROP INDEX roleswap.run_due;
DROP INDEX roleswap.enqueue_key_age;
DROP INDEX roleswap.after_end_age;
CREATE INDEX enqueue_key_age ON roleswap.enqueue_key (made_at);
CREATE INDEX after_end_age ON roleswap.after_end (at);
