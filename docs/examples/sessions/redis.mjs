// One Redis command on a connection of its own: resolves to the reply's text, null for nil. No packages.
import { connect } from "node:net";

export function redis(...words) {
  const text = `*${words.length}\r\n` + words.map((w) => `$${Buffer.byteLength(`${w}`)}\r\n${w}\r\n`).join("");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(process.env.REDIS_PORT), process.env.REDIS_HOST, () => socket.write(text));
    let got = "";
    socket.setEncoding("utf8");
    socket.on("error", reject);
    socket.on("data", (part) => {
      got += part;
      const end = got.indexOf("\r\n");
      if (end < 0) return;
      const size = got[0] === "$" ? Number(got.slice(1, end)) : -1;
      if (size >= 0 && Buffer.byteLength(got) < end + 4 + size) return;
      socket.end();
      if (got[0] === "-") reject(new Error(got.slice(1, end)));
      else resolve(size >= 0 ? got.slice(end + 2, -2) : got[0] === "$" ? null : got.slice(1, end));
    });
  });
}
