/** Opens the sockets of a plan (JSON file in the first argument), says `held`, and keeps them alive by heartbeats. */
const sockets = (await Bun.file(process.argv[2] ?? "").json()) as { url: string; token?: string }[];
const open: WebSocket[] = [];
for (let from = 0; from < sockets.length; from += 100) {
  await Promise.all(
    sockets.slice(from, from + 100).map(
      ({ url, token }) =>
        new Promise<void>((resolve, reject) => {
          const options = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
          const socket = new WebSocket(url, options as never);
          socket.onmessage = () => resolve();
          socket.onclose = ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`));
          open.push(socket);
        }),
    ),
  );
}
console.log("held");
setInterval(() => {
  for (const socket of open) socket.send('{"type":"heartbeat","payload":{}}');
}, 5000);
