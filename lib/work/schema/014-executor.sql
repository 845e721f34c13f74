-- What a run read from storage and wrote to it, beside its processor time and memory.
ALTER TABLE roleswap.run ADD COLUMN read_bytes bigint, ADD COLUMN written_bytes bigint;
COMMENT ON COLUMN roleswap.run.read_bytes IS 'Read from storage by the last attempt: of all its processes in a transient unit with io accounting, else of those that their parents waited for';
COMMENT ON COLUMN roleswap.run.written_bytes IS 'Written to storage by the last attempt, counted like read_bytes';
COMMENT ON COLUMN roleswap.run.peak_memory_kib IS 'Most memory of the last attempt: of all its processes together in a transient unit with memory accounting, else of the largest one';
