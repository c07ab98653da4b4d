// Carts in the manner of NestJS: a service class behind a controller, JSON in a field of a hash, MULTI with EXPIRE,
// ioredis with keyPrefix. Without REDIS_URL carts are in a Map. CART_TTL=0: carts never expire.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";

class MemoryCarts {
  #carts = new Map();
  async create(id, cart) { this.#carts.set(id, cart); }
  async find(id) { return this.#carts.get(id) ?? null; }
  async replace(id, cart) { this.#carts.set(id, cart); }
}

class RedisCarts {
  #ttl = Number(process.env.CART_TTL ?? 900);
  #redis = new Redis(process.env.REDIS_URL, { keyPrefix: process.env.REDIS_PREFIX ?? "carts:" });
  constructor() { this.#redis.on("error", (error) => console.error("[RedisCarts]", error.message)); }
  async create(id, cart) {
    const steps = this.#redis.multi().hset(id, "cart", JSON.stringify(cart));
    if (this.#ttl > 0) steps.expire(id, this.#ttl);
    const results = await steps.exec();
    for (const [error] of results) if (error) throw error;
  }
  async find(id) {
    const text = await this.#redis.hget(id, "cart");
    return text === null ? null : JSON.parse(text);
  }
  async replace(id, cart) { await this.#redis.hset(id, "cart", JSON.stringify(cart)); }
}

const carts = process.env.REDIS_URL ? new RedisCarts() : new MemoryCarts();

async function controller(method, path, body) {
  if (method === "POST" && path === "/v1/carts") {
    const id = randomUUID();
    await carts.create(id, { items: [] });
    return [201, { cart: { id, items: [] } }];
  }
  const [, id] = path.match(/^\/v1\/carts\/([\w-]+)\/items$/) ?? [];
  if (method !== "PUT" || !id) return path === "/health" ? [200, { status: "ok" }] : [404, { message: `Cannot ${method} ${path}` }];
  const cart = await carts.find(id);
  if (cart === null) return [404, { statusCode: 404, message: "Cart not found", error: "Not Found" }];
  cart.items.push(body.sku);
  await carts.replace(id, cart);
  return [200, { cart: { id, items: cart.items } }];
}

createServer((request, response) => {
  let text = "";
  request.on("data", (part) => (text += part));
  request.on("end", async () => {
    const [status, data] = await controller(request.method, request.url, JSON.parse(text || "{}")).catch((error) => {
      console.error("[ExceptionsHandler]", error.message);
      return [500, { statusCode: 500, message: "Internal server error" }];
    });
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(data));
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
