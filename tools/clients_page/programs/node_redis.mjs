// node-redis with its defaults.
import { createClient } from "redis";
import { run } from "./program.mjs";

const client = createClient({ url: `redis://127.0.0.1:${process.env.REDIS_PORT}` });
client.on("error", () => {});
await client.connect();
await run(() => client.get("warm"), () => client.getDel(process.env.KEY));
