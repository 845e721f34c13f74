// Single enqueues of pg-boss for the bench: so many seconds from so many callers.
// usage: node boss.mjs CONNECTION CALLERS SECONDS; prints requests per second
import PgBoss from "pg-boss";

const [connectionString, callers, seconds] = process.argv.slice(2);
const boss = new PgBoss({ connectionString, max: Number(callers), supervise: false, schedule: false });
boss.on("error", (error) => { throw error; });
await boss.start();
await boss.createQueue("noop");
let sent = 0;
const begun = performance.now();
const end = begun + Number(seconds) * 1000;
const caller = async () => {
    while (performance.now() < end) {
        await boss.send("noop", {});
        ++sent;
    }
};
await Promise.all(Array.from({ length: Number(callers) }, caller));
console.log(((sent * 1000) / (performance.now() - begun)).toFixed(1));
process.exit(0);
