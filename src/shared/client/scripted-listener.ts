/** Puts the scripted server behind a real port, for tests of real sockets and real browsers. */
import type { Socket } from "./ports.ts";
import type { ScriptedServer } from "./scripted-server.ts";

interface Link {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  socket: Socket | undefined;
}

export interface ServedScript extends AsyncDisposable {
  readonly baseUrl: string;
}

/** @param pages answers what is neither REST nor a socket */
export function serveScripted(
  server: ScriptedServer,
  pages: (path: string) => Response = () => new Response("", { status: 404 }),
): ServedScript {
  const listener = Bun.serve<Link, never>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request, upgrader) => {
      const { pathname, search } = new URL(request.url);
      const authorization = request.headers.get("Authorization");
      if (pathname === "/ws/v1") {
        const headers = authorization === null ? {} : { Authorization: authorization };
        const link: Link = { url: request.url, headers, socket: undefined };
        return upgrader.upgrade(request, { data: link })
          ? undefined
          : new Response("an upgrade is needed", { status: 400 });
      }
      if (!pathname.startsWith("/api/v1")) return pages(pathname);
      const body = await request.text();
      const answer = await server.fetch(`http://server.test${pathname}${search}`, {
        method: request.method,
        headers: authorization === null ? {} : { Authorization: authorization },
        body: body === "" ? null : body,
        signal: request.signal,
      });
      const text = await answer.text();
      return new Response(answer.status === 204 ? null : text, { status: answer.status });
    },
    websocket: {
      open: (ws) => {
        ws.data.socket = server.sockets.open(ws.data.url, ws.data.headers, {
          onOpen: () => undefined,
          onText: (text) => void ws.send(text),
          onClose: ({ code }) => ws.close(code),
        });
      },
      message: (ws, text) => {
        if (typeof text === "string") ws.data.socket?.send(text);
      },
      close: (ws, code) => ws.data.socket?.close(code, ""),
    },
  });
  return {
    baseUrl: `http://127.0.0.1:${listener.port}`,
    [Symbol.asyncDispose]: async () => {
      await listener.stop(true);
    },
  };
}
