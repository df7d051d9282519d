/**
 * The raw loop that Triplane is measured against: Bun's WebSocket server and, with RAW_STORE, one SQLite table
 * with a group commit per event-loop turn (WAL, synchronous=FULL). No tokens, no members, no checks, no
 * idempotency, no log, no threads: what is left when everything that makes it a product is taken away.
 */
import { Database } from "bun:sqlite";

interface Data {
  readonly chat: string;
}

const store = process.env["RAW_STORE"];
const db = store === undefined ? undefined : new Database(store, { create: true });
db?.run("PRAGMA journal_mode = WAL");
db?.run("PRAGMA synchronous = FULL");
db?.run(
  "CREATE TABLE messages (id INTEGER PRIMARY KEY, chat INTEGER, sequence INTEGER, client_id TEXT, content TEXT, UNIQUE (chat, sequence), UNIQUE (chat, client_id))",
);
const insert = db?.query("INSERT INTO messages (chat, sequence, client_id, content) VALUES (?, ?, ?, ?)");

type Socket = Bun.ServerWebSocket<Data>;
interface Waiting {
  readonly socket: Socket;
  readonly chat: string;
  readonly sequence: number;
  readonly requestId: string;
  readonly clientId: string;
  readonly content: string;
}

const members = new Map<string, Set<Socket>>();
const sequences = new Map<string, number>();
let waiting: Waiting[] = [];
let scheduled = false;

function flush(): void {
  scheduled = false;
  const batch = waiting;
  waiting = [];
  if (db !== undefined && insert !== undefined) {
    db.run("BEGIN");
    for (const { chat, sequence, clientId, content } of batch) {
      insert.run(Number(chat), sequence, clientId, content);
    }
    db.run("COMMIT");
  }
  for (const { socket, chat, sequence, requestId, clientId, content } of batch) {
    socket.send(
      JSON.stringify({
        type: "send_message_ack",
        request_id: requestId,
        payload: { client_message_id: clientId, chat_id: chat, sequence },
      }),
    );
    const frame = JSON.stringify({ type: "message", payload: { chat_id: chat, sequence, content } });
    for (const other of members.get(chat) ?? []) if (other !== socket) other.send(frame);
  }
}

const server = Bun.serve<Data>({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, self) {
    const chat = new URL(request.url).searchParams.get("chat") ?? "0";
    return self.upgrade(request, { data: { chat } }) ? undefined : new Response("?", { status: 400 });
  },
  websocket: {
    open(socket) {
      let sockets = members.get(socket.data.chat);
      if (sockets === undefined) {
        sockets = new Set();
        members.set(socket.data.chat, sockets);
      }
      sockets.add(socket);
      socket.send(JSON.stringify({ type: "connection_established", payload: {} }));
    },
    message(socket, text) {
      const frame = JSON.parse(String(text));
      if (frame.type !== "send_message") return;
      const { chat } = socket.data;
      const sequence = (sequences.get(chat) ?? 0) + 1;
      sequences.set(chat, sequence);
      waiting.push({
        socket,
        chat,
        sequence,
        requestId: frame.request_id,
        clientId: frame.payload.client_message_id,
        content: frame.payload.content,
      });
      if (scheduled) return;
      scheduled = true;
      setImmediate(flush);
    },
    close(socket) {
      members.get(socket.data.chat)?.delete(socket);
    },
  },
});
console.log(`listening on ${server.url.origin}`);
