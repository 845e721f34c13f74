// A worker process of graphile-worker for the benches: does nothing, in batches.
// usage: node graphile.mjs CONNECTION migrate | work JOBS_FETCHED JOBS_AT_A_TIME
import { run, runMigrations } from "graphile-worker";

const [connectionString, what, size, concurrentJobs] = process.argv.slice(2);
const quiet = { log: () => {} };
const { Logger } = await import("graphile-worker");
const logger = new Logger(() => quiet.log);
if (what === "migrate") {
    await runMigrations({ connectionString, logger });
    process.exit(0);
}
await run({
    logger,
    preset: {
        worker: {
            connectionString,
            concurrentJobs: Number(concurrentJobs),
            maxPoolSize: Number(concurrentJobs) + 2,
            localQueue: { size: Number(size) },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
        },
    },
    taskList: { noop: () => {} },
});
console.log("ready");
