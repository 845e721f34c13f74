select graphile_worker.add_job('noop', '{}'::json);
