// The scenario of bench/scenarios/mixed.yaml for k6 (https://k6.io):
//
//   k6 run -e TARGET=ws://127.0.0.1:5039/ws/jsonrpc -e VUS=10 -e DURATION=30s bench/k6/mixed.js
//
// Each virtual user is a connection with one session and a closed loop: k6's
// latencies count from the call, so compare them with `bench load -model closed`.
import ws from "k6/ws";
import { check } from "k6";
import { Counter, Trend } from "k6/metrics";

const target = __ENV.TARGET || "ws://127.0.0.1:5039/ws/jsonrpc";
const seconds = secondsOf(__ENV.DURATION || "30s");
const language = __ENV.LANGUAGE || "javascript";

// secondsOf reads a duration as k6 and Go write one: 90s, 1m30s, 1.5h.
function secondsOf(text) {
  const units = { ms: 0.001, s: 1, m: 60, h: 3600 };
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) throw new Error(`DURATION is ${text}: it must be such as 30s or 1m30s`);
  let sum = 0;
  for (const [, n, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) sum += n * units[unit];
  return sum;
}

export const options = {
  scenarios: {
    mixed: { executor: "per-vu-iterations", vus: parseInt(__ENV.VUS || "10", 10), iterations: 1, maxDuration: `${Math.ceil(seconds) + 60}s` },
  },
  summaryTrendStats: ["avg", "min", "med", "p(90)", "p(95)", "p(99)", "max"],
  thresholds: { codebeaker_errors: ["count==0"] },
};

const latency = new Trend("codebeaker_call", true);
const created = new Trend("codebeaker_create", true);
const errors = new Counter("codebeaker_errors");

// Weight, command or method, and what the result must be.
const calls = [
  { weight: 5, command: { type: "execute_shell", commandName: "echo", args: ["hello"] }, right: (r) => r.result.stdout === "hello\n" },
  { weight: 2, command: { type: "write_file", path: "load.txt", content: "hello" }, right: (r) => r.result.bytes === 5 },
  { weight: 2, command: { type: "read_file", path: "load.txt" }, right: (r) => r.result.content === "hello" },
  { weight: 1, method: "session.get", right: (r) => typeof r.state === "string" },
];
const total = calls.reduce((sum, c) => sum + c.weight, 0);

function pick() {
  let n = Math.random() * total;
  return calls.find((c) => (n -= c.weight) < 0) || calls[0];
}

export default function () {
  const answer = ws.connect(target, {}, (socket) => {
    const waiting = {};
    let last = 0;
    let sessionId = ""; // while there is one
    let late = false;
    const call = (method, params, then) => {
      const id = ++last;
      waiting[id] = { then, since: Date.now() };
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    };
    const fail = (what) => {
      errors.add(1, { code: String(what) });
    };
    const end = () => {
      if (sessionId) call("session.close", { sessionId }, () => socket.close());
      sessionId = "";
    };
    socket.on("message", (text) => {
      const message = JSON.parse(text);
      const w = waiting[message.id];
      if (!w) return; // a notification
      delete waiting[message.id];
      if (message.error) fail(message.error.code);
      w.then(message.result, Date.now() - w.since);
    });
    socket.on("open", () => {
      call("session.create", { language, memoryLimitMB: 128, labels: { app: "k6" } }, (session, took) => {
        if (!session) return socket.close();
        created.add(took);
        sessionId = session.sessionId;
        if (late) return end();
        const until = Date.now() + seconds * 1000;
        const execute = (command, then) => call("session.execute", { sessionId, command }, then);
        const next = () => {
          if (!sessionId) return; // it was too late
          if (Date.now() >= until) return end();
          const c = pick();
          const then = (result, ms) => {
            const right = Boolean(result) && result.success !== false && c.right(result);
            check(right, { "the output is right": (ok) => ok });
            if (right) latency.add(ms);
            else if (result) fail("wrong output");
            next();
          };
          if (c.command) execute(c.command, then);
          else call(c.method, { sessionId }, then);
        };
        execute({ type: "write_file", path: "load.txt", content: "hello" }, next);
      });
    });
    socket.on("error", (e) => fail(e.error()));
    socket.setTimeout(() => {
      fail("no answer in time");
      late = true; // a session that is still being made ends when it is there
      end();
      socket.setTimeout(() => socket.close(), 5000);
    }, (seconds + 30) * 1000);
  });
  check(answer, { "the server took the connection": (r) => r && r.status === 101 });
}
