-- What is too old is found along the index on (task, due).  The ranges of this one only grew: once room
-- in the table was used again each of them held old and new due times, and a look read the whole table.
DROP INDEX roleswap.run_due;
