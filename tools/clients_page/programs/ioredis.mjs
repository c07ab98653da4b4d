// ioredis, or iovalkey (the first argument names the package), with its defaults.
import { run } from "./program.mjs";

const { Redis } = await import(process.argv[2]);
const client = new Redis(Number(process.env.REDIS_PORT), "127.0.0.1");
client.on("error", () => {});
await run(() => client.get("warm"), () => client.getdel(process.env.KEY));
