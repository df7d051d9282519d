/**
 * The load generator, one process: sockets that send, count acknowledgements and deliveries, and time both. Run by
 * `bench/run.ts` with its plan as JSON in the first argument; prints its result as JSON.
 */
export interface LoadPlan {
  /** One socket each: where to connect, with which headers, into which chat. */
  readonly sockets: readonly {
    readonly url: string;
    readonly token: string | undefined;
    readonly chatId: string;
    readonly sends: boolean;
  }[];
  /** Sends per second over all senders; undefined = every sender sends again as soon as it is answered. */
  readonly sendsPerSecond: number | undefined;
  readonly warmUpMs: number;
  /** Rate while warming up, where it differs: a server that has run for minutes is compiled, a fresh one is not. */
  readonly warmUpSendsPerSecond?: number;
  readonly measureMs: number;
  readonly contentBytes: number;
}

export interface LoadResult {
  readonly acks: number;
  readonly deliveries: number;
  readonly errors: number;
  readonly seconds: number;
  readonly ackMs: { readonly p50: number; readonly p99: number };
  readonly deliverMs: { readonly p50: number; readonly p99: number };
}

interface Sender {
  readonly socket: WebSocket;
  readonly chatId: string;
}

async function run(plan: LoadPlan): Promise<LoadResult> {
  const sentAt = new Map<string, number>();
  const text = "x".repeat(plan.contentBytes - 24);
  const senders: Sender[] = [];
  const sockets: WebSocket[] = [];
  let measuring = false;
  let settling = false;
  let acks = 0;
  let deliveries = 0;
  let errors = 0;
  let counter = 0;
  const ackMs: number[] = [];
  const deliverMs: number[] = [];
  let ended = false;

  const send = (sender: Sender): void => {
    counter++;
    const requestId = `r${counter}`;
    const nowMs = performance.now();
    sentAt.set(requestId, nowMs);
    sender.socket.send(
      `{"type":"send_message","request_id":"${requestId}","payload":{"client_message_id":"${crypto.randomUUID()}","chat_id":"${sender.chatId}","content":"${nowMs.toFixed(3).padStart(20, "0")} ${text}"}}`,
    );
  };

  const onFrame = (sender: Sender, data: string): void => {
    if (data.startsWith('{"type":"message"')) {
      if (!measuring) return;
      deliveries++;
      // Times are read out of the content without parsing the frame: the generator must stay cheap.
      if (deliveries % 16 === 0) {
        const at = data.indexOf('"content":"') + 11;
        deliverMs.push(performance.now() - Number(data.slice(at, at + 20)));
      }
    } else if (data.startsWith('{"type":"send_message_ack"')) {
      const from = data.indexOf('"request_id":"') + 14;
      const requestId = data.slice(from, data.indexOf('"', from));
      const started = sentAt.get(requestId);
      sentAt.delete(requestId);
      if (measuring && started !== undefined) {
        acks++;
        ackMs.push(performance.now() - started);
      }
      if (plan.sendsPerSecond === undefined && !ended) send(sender);
    } else if (data.startsWith('{"type":"error"')) {
      errors++;
      if (plan.sendsPerSecond === undefined && !ended) send(sender);
    }
  };

  const opened: Promise<void>[] = [];
  for (const { url, token, chatId, sends } of plan.sockets) {
    const socket = new WebSocket(
      url,
      (token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }) as never,
    );
    const sender = { socket, chatId };
    sockets.push(socket);
    opened.push(
      new Promise((resolve, reject) => {
        socket.onmessage = ({ data }) => {
          const frame = String(data);
          if (frame.startsWith('{"type":"connection_established"')) resolve();
          else onFrame(sender, frame);
        };
        socket.onclose = ({ code, reason }) => {
          if (!ended) reject(new Error(`a socket closed: ${code} ${reason}`));
        };
      }),
    );
    if (sends) senders.push(sender);
    if (opened.length % 200 === 0) await Promise.all(opened);
  }
  await Promise.all(opened);
  const heartbeat = setInterval(() => {
    for (const socket of sockets) socket.send('{"type":"heartbeat","payload":{}}');
  }, 5000);

  let pacer: ReturnType<typeof setInterval> | undefined;
  if (plan.sendsPerSecond === undefined) for (const sender of senders) send(sender);
  else {
    let next = 0;
    let due = 0;
    let last = performance.now();
    pacer = setInterval(() => {
      const nowMs = performance.now();
      const rate = (measuring ? undefined : plan.warmUpSendsPerSecond) ?? plan.sendsPerSecond ?? 0;
      due += ((nowMs - last) / 1000) * (settling ? 0 : rate);
      last = nowMs;
      for (; due >= 1; due--) send(senders[next++ % senders.length] as Sender);
    }, 5);
  }
  await Bun.sleep(plan.warmUpMs);
  // What the warm-up left in the queues is not measured.
  settling = true;
  await Bun.sleep(1000);
  settling = false;
  measuring = true;
  const from = performance.now();
  process.stdout.write("measuring\n");
  await Bun.sleep(plan.measureMs);
  measuring = false;
  const seconds = (performance.now() - from) / 1000;
  ended = true;
  clearInterval(pacer);
  clearInterval(heartbeat);
  return { acks, deliveries, errors, seconds, ackMs: quantiles(ackMs), deliverMs: quantiles(deliverMs) };
}

function quantiles(values: number[]): { p50: number; p99: number } {
  values.sort((a, b) => a - b);
  const at = (q: number): number => values[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

if (import.meta.main) {
  const plan = (await Bun.file(process.argv[2] ?? "").json()) as LoadPlan;
  process.stdout.write(`${JSON.stringify(await run(plan))}\n`);
  process.exit(0);
}
