// valkey-glide for Node with its defaults.
import { GlideClient } from "@valkey/valkey-glide";
import { run } from "./program.mjs";

const addresses = [{ host: "127.0.0.1", port: Number(process.env.REDIS_PORT) }];
const client = await GlideClient.createClient({ addresses });
await run(() => client.get("warm"), () => client.customCommand(["GETDEL", process.env.KEY]));
