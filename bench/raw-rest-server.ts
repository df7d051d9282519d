/**
 * The raw loop of REST: Hono routes that answer the very same JSON, serialised for each request. No token, no
 * validation, no limits, no store, no headers: what is left when everything that makes it an API is taken away.
 * RAW_ROUTES names a JSON file: answers by path.
 */
import { Hono } from "hono";

const answers: Readonly<Record<string, { readonly data: Readonly<Record<string, unknown>> }>> =
  await Bun.file(process.env["RAW_ROUTES"] ?? "").json();

const app = new Hono();
for (const [path, answer] of Object.entries(answers)) {
  app.get(path, (context) => context.json(answer));
  app.patch(path, async (context) => {
    const change: Readonly<Record<string, unknown>> = await context.req.json();
    return context.json({ data: { ...answer.data, ...change } });
  });
}
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app.fetch });
console.log(`listening on ${server.url.origin}`);
