// A clock by the TypeScript SDK. MCP_STYLE: "map" is a map of transports as in many older servers (an unknown
// session is a 400), "gone" as in the SDK's examples now (404), "stateless" has no sessions.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { isInitializeRequest } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

const style = process.env.MCP_STYLE ?? "map";
const transports = new Map();

function clock() {
  const server = new McpServer({ name: "clock", version: "1.0.0" });
  server.registerTool("add", { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
    content: [{ type: "text", text: String(a + b) }],
  }));
  return server;
}

function refuse(response, status, code, message) {
  const body = { jsonrpc: "2.0", error: { code, message }, id: null };
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

async function connected(options) {
  const transport = new StreamableHTTPServerTransport(options);
  transport.onclose = () => transports.delete(transport.sessionId);
  await clock().connect(transport);
  return transport;
}

async function answer(request, response, body) {
  if (style === "stateless") {
    if (request.method !== "POST") return refuse(response, 405, -32000, "Method not allowed.");
    const transport = await connected({ sessionIdGenerator: undefined });
    return transport.handleRequest(request, response, body);
  }
  const id = request.headers["mcp-session-id"];
  let transport = transports.get(id);
  if (!transport && !id && isInitializeRequest(body)) {
    transport = await connected({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (made) => transports.set(made, transport),
    });
  }
  if (transport) return transport.handleRequest(request, response, body);
  if (style === "gone" && id) return refuse(response, 404, -32001, "Session not found");
  if (request.method !== "POST") return response.writeHead(400).end("Invalid or missing session ID");
  return refuse(response, 400, -32000, "Bad Request: No valid session ID provided");
}

createServer(async (request, response) => {
  if (new URL(request.url, "http://localhost").pathname !== "/mcp") return response.writeHead(404).end();
  let text = "";
  for await (const part of request) text += part;
  await answer(request, response, text ? JSON.parse(text) : undefined);
}).listen(Number(process.env.PORT), "127.0.0.1");
