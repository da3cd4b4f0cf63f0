// The kernel of JavaScript: one program for Node, Bun and Deno. The bootstrap
// calls it with host = {require, load}, load being import() of the session's
// directory. It reads messages on descriptor 3 and answers on 4, see message.go.
// Cells come rewritten by the server (see rewrite.go): no import and export is
// left in them, and for Bun and Deno no let, const or class at top level.
"use strict";
const engine = typeof Bun !== "undefined" ? "bun" : typeof Deno !== "undefined" ? "deno" : "node";
const fs = host.require("node:fs");
const vm = host.require("node:vm");
const util = host.require("node:util");
const { Buffer } = host.require("node:buffer");
const { Readable } = host.require("node:stream");
const { createRequire, syncBuiltinESMExports } = host.require("node:module");
const { pathToFileURL } = host.require("node:url");
const process = globalThis.process ?? host.require("node:process");
const { readSync, writeSync, readFileSync, openSync, closeSync } = fs;
const { stringify, parse } = JSON;
const exit = process.exit.bind(process);
const place = process.cwd();
const home = pathToFileURL(place + "/");
const maxValue = 64 << 10;
const maxJSON = 1 << 20;
const maxDisplay = 4 << 20;
const maxDisplays = 64;

// The channel. Both ends are opened again: what is ours alone is closed in
// children, and blocks when it is read.
function own(fd, flags) {
  try {
    return openSync("/dev/fd/" + fd, flags);
  } catch {
    return fd;
  }
}
const from = own(3, "r");
const heard = engine === "bun" ? own(3, "r") : 3; // what is listened to does not block
const to = own(4, "w");
// What the agent gave goes; Deno has no other way to close what it has not opened.
const inherited = engine === "node" ? [4] : [3, 4]; // 3 is what Node listens to
if (from !== 3 && to !== 4) {
  try {
    const close = engine === "deno" ? Deno.dlopen("libc.so.6", { close: { parameters: ["i32"], result: "i32" } }).symbols.close : closeSync;
    inherited.forEach((fd) => close(fd));
  } catch { /* children of this engine see them */ }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

function retrying(call) {
  for (;;) {
    try {
      return call();
    } catch (e) {
      if (e.code === "EINTR") continue;
      if (e.code !== "EAGAIN") throw e;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

function write(fd, bytes) {
  for (let at = 0; at < bytes.length;) at += retrying(() => writeSync(fd, bytes, at, bytes.length - at));
}

// send writes one message. A part is [name, type, text or bytes].
function send(header, parts) {
  let bodies = [];
  if (parts?.length) {
    header.parts = parts.map(([name, type, data]) => {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      bodies.push(bytes);
      return { name, type, bytes: bytes.length };
    });
  }
  const text = Buffer.from(stringify(header));
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32LE(text.length, 0);
  sizes.writeUInt32LE(bodies.reduce((n, b) => n + b.length, 0), 4);
  write(to, Buffer.concat([sizes, text, ...bodies]));
}

// What has come and is not used yet: bytes, then messages.
let chunks = [];
let held = 0;
const queue = [];

function joined() {
  if (chunks.length > 1) chunks = [Buffer.concat(chunks)];
  return chunks[0];
}

function feed(bytes) {
  chunks.push(bytes);
  held += bytes.length;
  while (held >= 8) {
    if (chunks[0].length < 8) joined();
    const header = chunks[0].readUInt32LE(0);
    const size = 8 + header + chunks[0].readUInt32LE(4);
    if (held < size) return;
    const all = joined();
    const m = parse(all.toString("utf8", 8, 8 + header));
    let at = 8 + header;
    m.body = {};
    for (const part of m.parts ?? []) m.body[part.name] = all.subarray(at, at += part.bytes);
    queue.push(m);
    chunks = held > size ? [all.subarray(size)] : [];
    held -= size;
  }
}

// await one message that fits, whatever else may run: the program stands still.
function wait(fits) {
  for (let looked = 0; ;) {
    for (; looked < queue.length; looked++) {
      if (fits(queue[looked])) return queue.splice(looked, 1)[0];
    }
    const some = Buffer.allocUnsafe(64 << 10);
    const n = retrying(() => readSync(from, some, 0, some.length, null));
    if (!n) exit(0);
    feed(some.subarray(0, n));
  }
}

// The cell that runs, and what lives from cell to cell.
let cell = null;
let displays = 0;

// Input: what a cell's code reads from its standard input.
const input = { chunks: [], open: false, given: 0, untold: 0, waiting: null, readable: null };

function wake() {
  const w = input.waiting;
  input.waiting = null;
  w?.();
}

function give(bytes) {
  if (bytes.length) input.chunks.push(bytes);
  input.untold += bytes.length;
  wake();
}

function endInput() {
  input.open = false;
  wake();
}

// used tells the server that there is room for more. What a cell was given with
// its code does not count.
function used(n) {
  const given = Math.min(n, input.given);
  input.given -= given;
  n = Math.min(n - given, input.untold);
  input.untold -= n;
  if (n > 0) send({ op: "taken", bytes: n });
}

// more waits for input at once.
function more() {
  used(input.given + input.untold);
  const m = wait((m) => m.op === "input" || m.op === "eof");
  m.op === "eof" ? endInput() : give(m.body.data);
}

function take(n) {
  while (!input.chunks.length && input.open) more();
  const first = input.chunks.shift();
  if (!first) return null;
  if (first.length > n) input.chunks.unshift(first.subarray(n));
  used(Math.min(n, first.length));
  return first.subarray(0, n);
}

function takeAll() {
  while (input.open) more();
  const all = Buffer.concat(input.chunks);
  input.chunks = [];
  used(all.length);
  return all;
}

function takeLine() {
  for (;;) {
    const all = Buffer.concat(input.chunks);
    const end = all.indexOf(10);
    if (end >= 0 || !input.open) {
      input.chunks = end >= 0 && end + 1 < all.length ? [all.subarray(end + 1)] : [];
      used(end < 0 ? all.length : end + 1);
      if (end < 0 && !all.length) return null;
      return all.toString("utf8", 0, end < 0 ? all.length : end).replace(/\r$/, "");
    }
    more();
  }
}

async function takeSoon() {
  while (!input.chunks.length && input.open) {
    await new Promise((done) => {
      input.waiting = done;
      wanted?.();
    });
  }
  const first = input.chunks.shift() ?? null;
  if (first) used(first.length);
  return first;
}

function standardInput() {
  return input.readable ??= Object.assign(new Readable({
    read() {
      takeSoon().then((bytes) => this.push(bytes), (e) => this.destroy(e));
    },
  }), { fd: 0, isTTY: false });
}

function replace(object, name, descriptor) {
  try {
    Object.defineProperty(object, name, { configurable: true, ...descriptor });
  } catch { /* this engine does not let it be replaced */ }
}

replace(process, "stdin", { get: standardInput });
const isInput = (f) => f === 0 || f === "/dev/stdin";
fs.readFileSync = function (file, options) {
  if (!isInput(file)) return readFileSync.apply(this, arguments);
  const encoding = typeof options === "string" ? options : options?.encoding;
  const all = takeAll();
  return encoding && encoding !== "buffer" ? all.toString(encoding) : all;
};
fs.readSync = function (fd, buffer, offset, length, position) {
  if (fd !== 0) return readSync.apply(this, arguments);
  if (typeof offset === "object" && offset) ({ offset, length } = offset);
  offset ??= 0;
  const some = take(length ?? buffer.byteLength - offset);
  if (!some) return 0;
  Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength).set(some, offset);
  return some.length;
};
syncBuiltinESMExports?.();
function ask(text) {
  if (text !== undefined && text !== "") write(1, Buffer.from(text + " "));
  return takeLine();
}
const define = (name, value) => replace(globalThis, name, { value, writable: true, enumerable: false });
define("prompt", function prompt(message = "", otherwise = null) {
  return ask(String(message)) ?? otherwise;
});
define("confirm", function confirm(message = "") {
  return /^y(es)?$/i.test(ask(message + " [y/N]") ?? "");
});
define("alert", function alert(message = "") {
  ask(message + " [Enter]");
});
if (engine === "deno") {
  const stdin = {
    readSync(p) {
      const some = take(p.length);
      if (!some) return null;
      p.set(some);
      return some.length;
    },
    async read(p) {
      const some = await takeSoon();
      if (!some) return null;
      if (some.length > p.length) input.chunks.unshift(some.subarray(p.length));
      p.set(some.subarray(0, p.length));
      return Math.min(some.length, p.length);
    },
    get readable() {
      return Readable.toWeb(standardInput());
    },
    isTerminal: () => false,
    setRaw() {},
    close() {},
  };
  replace(Deno, "stdin", { value: stdin });
}
if (engine === "bun") {
  replace(console, Symbol.asyncIterator, {
    value: async function* () {
      for await (const line of host.require("node:readline").createInterface({ input: standardInput() })) yield line;
    },
  });
}

// Text of values.
const inspect = engine === "deno" ? Deno.inspect : engine === "bun" ? Bun.inspect : util.inspect;
const huge = (v) => (Array.isArray(v) || ArrayBuffer.isView(v) || v instanceof Map || v instanceof Set);

function textOf(v) {
  try {
    if (typeof v === "string" && v.length > 2 * maxValue) v = v.slice(0, 2 * maxValue);
    if (engine === "bun" && util.types.isNativeError(v)) return explain(v)[2];
    if (engine === "bun" && huge(v) && (v.length ?? v.size) > 100) return util.inspect(v);
    return inspect(v);
  } catch (e) {
    return `[no text: ${explain(e)[1]}]`;
  }
}

// short cuts UTF-8 at a character.
function short(text, limit) {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return [bytes, false];
  let end = limit;
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
  return [bytes.subarray(0, end), true];
}

// Rich values: an object whose keys are MIME types, or one that says so itself.
const mime = /^[a-z0-9][\w.+-]*\/[\w.+-]+$/i;
const jupyter = Symbol.for("Jupyter.display");

function bundleOf(v) {
  if (typeof v !== "object" || v === null) return null;
  if (typeof v[jupyter] === "function") v = v[jupyter]();
  if (typeof v?.then === "function") return null;
  if (typeof v !== "object" || v === null || Array.isArray(v)) return null;
  const proto = Object.getPrototypeOf(v);
  if (proto !== null && Object.getPrototypeOf(proto) !== null) return null;
  const keys = Object.keys(v);
  if (!keys.length || !keys.every((k) => mime.test(k))) return null;
  return v;
}

function partsOf(bundle) {
  const parts = [];
  let room = maxDisplay;
  let cut = false;
  for (const [type, v] of Object.entries(bundle)) {
    if (v === undefined || v === null) continue;
    let bytes;
    if (ArrayBuffer.isView(v)) bytes = Buffer.from(v.buffer, v.byteOffset, v.byteLength);
    else if (v instanceof ArrayBuffer) bytes = Buffer.from(v);
    else bytes = Buffer.from(typeof v === "string" ? v : stringify(v) ?? String(v));
    if (bytes.length > room) {
      cut = true;
      continue;
    }
    room -= bytes.length;
    parts.push(["mime", type, bytes]);
  }
  return [parts, cut];
}

function plain(v) {
  const bundle = {};
  try {
    const text = stringify(v);
    if (text !== undefined && text.length <= maxJSON) bundle["application/json"] = text;
  } catch { /* a circle, a bigint: text alone */ }
  [bundle["text/plain"]] = short(typeof v === "string" ? v : textOf(v), maxValue);
  return bundle;
}

function display(...values) {
  for (const v of values) {
    const [parts, cut] = partsOf(bundleOf(v) ?? plain(v));
    const n = ++displays;
    if (cell && ++cell.displays > maxDisplays) {
      cell.lost = true;
      continue;
    }
    send(cut ? { op: "display", n, cut } : { op: "display", n }, parts);
    if (!reading) wait((m) => m.op === "ack" && m.n === n);
  }
}
define("display", display);

// Errors. A stack ends at the user's last frame, and names cells.
const ours = "codebeaker-kernel";
// ends are the lines, by cell, of the call of what is put around cells that await.
const ends = new Map();

function note(number, code) {
  if (!code.endsWith("\n})()")) {
    ends.delete(String(number));
    return;
  }
  if (ends.size > 1000) ends.clear();
  ends.set(String(number), code.split("\n").length);
}

function around(line) {
  const at = ends.size && /(?:<cell |cell-)(\d+)>?:(\d+)/.exec(line);
  return at && ends.get(at[1]) === Number(at[2]);
}
const anonymous = /at <anonymous> \((<cell \d+>:[\d:]+)\)$/;
const named = (text) => text.replace(/\bcell-(\d+)(?=:\d)/g, "<cell $1>").replace(anonymous, "at $1");
const inner = new RegExp(`${ours}|node:(inspector|internal|vm)|ext:(core|deno_node)|\\(:0\\)$|\\(unknown\\)$`);

function frames(lines) {
  let last = -1;
  lines.forEach((l, i) => {
    if (/\bcell-\d+:\d|<cell \d+>:\d/.test(l)) last = i;
  });
  return (last >= 0 ? lines.slice(0, last + 1) : lines).filter((l) => !inner.test(l) && !around(l)).map(named);
}

if (engine !== "bun") {
  const head = Error.prototype.toString;
  Error.prepareStackTrace = (e, sites) => {
    let title;
    try {
      title = head.call(e);
    } catch {
      title = "Error";
    }
    return [title, ...frames(sites.map((s) => `    at ${s}`))].join("\n");
  };
}

function stackOf(e) {
  const lines = String(e.stack ?? "").split("\n");
  const title = `${e.name}: ${e.message}`;
  const first = lines.findIndex((l) => /^\s+at /.test(l));
  return [title, ...(first < 0 ? [] : frames(lines.slice(first).filter((l) => /^\s+at /.test(l))))].join("\n");
}

// explain gives name, message and traceback of what was thrown.
function explain(e) {
  try {
    if (util.types.isNativeError(e) || e instanceof Error) {
      let text = stackOf(e);
      const seen = new Set([e]);
      for (let c = e.cause; c !== undefined && !seen.has(c) && seen.size < 10; c = c?.cause) {
        seen.add(c);
        text += "\n\nCaused by: " + (c instanceof Error ? stackOf(c) : textOf(c));
      }
      if (Array.isArray(e.errors)) {
        for (const one of e.errors.slice(0, 10)) {
          text += "\n\nOne of them: " + (one instanceof Error ? stackOf(one) : textOf(one));
        }
      }
      return [String(e.name), String(e.message), text];
    }
    const name = typeof e === "object" && e !== null ? e.constructor?.name ?? "Object" : e === null ? "null" : typeof e;
    const message = typeof e === "string" ? e : textOf(e);
    return [name, message, `Uncaught ${typeof e === "string" ? stringify(e) : message}`];
  } catch {
    return ["Error", "what was thrown cannot be shown", "Uncaught"];
  }
}

function unreadable(error, text, number, line, column) {
  const source = text.split("\n")[line - 1] ?? "";
  const short = source.length > 200 || !column ? "" : `${source}\n${" ".repeat(column - 1)}^\n`;
  const title = `SyntaxError: ${error}`;
  return { name: "SyntaxError", message: error, traceback: `<cell ${number}>:${line}\n${short}${title}` };
}

function late(what, e) {
  try {
    write(2, Buffer.from(`${what}${explain(e)[2]}\n`));
  } catch { /* nobody reads it */ }
}
process.on("uncaughtException", (e) => late("Uncaught ", e));
process.on("unhandledRejection", (e) => late("Uncaught (in promise) ", e));
// Evaluation: {value} or {thrown} or {syntax} or {interrupted}.
let carried;
let evaluate;
let settle = () => {}; // takes what is left of interrupts
const now = Date.now.bind(Date);
let untidy = false;
let tidy = () => {}; // lets go of what cells that have ended left with the engine

if (engine === "bun") {
  // The server makes the value an array: see Options.Globals of package script.
  // The call comes from no function of ours, so that no frame of it is shown.
  const stopped = /^ERR_SCRIPT_EXECUTION_(TIMEOUT|INTERRUPTED)$/;
  evaluate = async (m, code) => {
    const filename = `<cell ${m.cell}>`;
    let script;
    note(m.cell, code);
    try {
      script = new vm.Script(code, { filename });
    } catch (e) {
      const at = String(e.stack).split("\n").map((l) => l.split(filename + ":")[1]).find((l) => l !== undefined);
      return { syntax: unreadable(e.message, code, m.cell, e.line ?? parseInt(at ?? "1"), 0) };
    }
    const options = m.timeoutMs > 0 ? { timeout: m.timeoutMs, breakOnSigint: true } : { breakOnSigint: true };
    try {
      const value = await Promise.resolve(options).then(script.runInThisContext.bind(script));
      return { value: Array.isArray(value) ? value[0] : undefined };
    } catch (e) {
      return util.types.isNativeError(e) && stopped.test(e.code) ? { interrupted: true } : { thrown: e };
    }
  };
} else {
  const { Session } = host.require("node:inspector");
  const session = new Session();
  session.connect();
  const post = (method, params) => new Promise((done, fail) => {
    session.post(method, params, (e, r) => e ? fail(e) : done(r));
  });
  const key = "codebeaker.kernel." + Math.random().toString(36).slice(2);
  replace(globalThis, Symbol.for(key), { value(v) { carried = v; } });
  const hand = `function(v){globalThis[Symbol.for("${key}")](v)}`;
  // real gives the value that a remote object stands for, in an array: it may be a promise.
  const real = async (o) => {
    if (o.objectId) {
      await post("Runtime.callFunctionOn", { objectId: o.objectId, functionDeclaration: hand, arguments: [{ objectId: o.objectId }], silent: true });
      const v = carried;
      carried = undefined;
      return [v];
    }
    if (o.type === "bigint") return [BigInt(o.unserializableValue.slice(0, -1))];
    if (o.unserializableValue) return [Number(o.unserializableValue)];
    return [o.type === "undefined" ? undefined : o.subtype === "null" ? null : o.value];
  };
  // begin evaluates so that SIGINT ends what runs before the first await. Only
  // Node's vm has that.
  let begin = (asked) => post("Runtime.evaluate", asked);
  if (engine === "node") {
    let asked, answer;
    replace(globalThis, Symbol.for(key + ".begin"), { value: () => { answer = post("Runtime.evaluate", asked); } });
    const script = new vm.Script(`globalThis[Symbol.for("${key}.begin")]()`, { filename: ours });
    // Node counts a SIGINT that comes as a script ends for the next one that it may end.
    replace(globalThis, Symbol.for(key + ".settle"), { value: () => { for (const end = now() + 50; now() < end;); } });
    const nothing = new vm.Script(`globalThis[Symbol.for("${key}.settle")]()`, { filename: ours });
    settle = () => {
      try { nothing.runInThisContext({ breakOnSigint: true }); } catch { /* there it was */ }
    };
    begin = (a) => {
      asked = a;
      script.runInThisContext({ breakOnSigint: true });
      return answer;
    };
  }
  evaluate = async (m, code) => {
    if (engine === "deno") note(m.cell, code);
    try {
      const asked = {
        expression: `${code}\n//# sourceURL=cell-${m.cell}`, replMode: engine === "node", objectGroup: "cell", silent: true,
      };
      if (m.timeoutMs > 0) asked.timeout = m.timeoutMs;
      let r;
      try {
        r = await begin(asked);
      } catch {
        return { interrupted: true };
      }
      const failed = r.exceptionDetails;
      if (!failed) {
        const [value] = await real(r.result);
        if (engine === "node") return { value };
        // The server makes it an array. What is waited for is ours, since Deno dies
        // of a promise of the inspector's that is collected.
        try {
          const all = await value;
          return { value: Array.isArray(all) ? all[0] : undefined };
        } catch (e) {
          return { thrown: e };
        }
      }
      const [thrown] = await real(failed.exception ?? r.result);
      if (failed.exception?.className === "SyntaxError" && !/cell-\d+:|<cell \d+>:/.test(failed.exception.description)) {
        return { syntax: unreadable(thrown.message, code, m.cell, failed.lineNumber + 1, failed.columnNumber + 1) };
      }
      return { thrown };
    } finally {
      untidy = true;
    }
  };
  tidy = () => {
    if (!untidy) return;
    untidy = false;
    session.post("Runtime.releaseObjectGroup", { objectGroup: "cell" });
    session.post("Runtime.discardConsoleEntries");
  };
}

// Imports of cells: relative to the session's directory, as its files' would be.
function load(name, options) {
  name = String(name);
  if (/^\.{0,2}\//.test(name)) name = new URL(name, home).href;
  return options === undefined ? host.load(name) : host.load(name, options);
}
const require = createRequire(new URL("cell.js", home));
define("__import", Object.assign(load, {
  meta: {
    url: new URL("cell.js", home).href, dirname: place, filename: place + "/cell.js", main: true,
    resolve: (name) => /^\.{0,2}\//.test(name) ? new URL(name, home).href : pathToFileURL(require.resolve(name)).href,
  },
}));
define("require", require);
define("_", undefined);

function flush() {
  // Writes to pipes are done when they return; what an engine holds back is waited for.
  return new Promise((done) => {
    let left = 1;
    const one = () => --left || done();
    for (const s of [process.stdout, process.stderr]) {
      if (s?.writableLength > 0) {
        left++;
        s.write("", one);
      }
    }
    one();
  });
}
const pending = () => process.stdout?.writableLength > 0 || process.stderr?.writableLength > 0;

async function run(m) {
  if (m.settle) { // an interrupt of the cell before may not have been heard yet
    cell = { interrupt() {} };
    await new Promise((done) => setTimeout(done, 20));
    await new Promise((done) => setImmediate(done)); // behind what the engine waited for meanwhile
    settle();
  }
  const mine = cell = { id: m.id, displays: 0, lost: false, interrupt: null, began: process.cpuUsage() };
  for (const [name, value] of Object.entries(m.env ?? {})) process.env[name] = value;
  input.readable = null;
  input.chunks = m.body.stdin?.length ? [m.body.stdin] : [];
  input.given = m.body.stdin?.length ?? 0;
  input.untold = 0;
  input.open = m.stdin === "open";
  if (input.open && engine === "bun") send({ op: "open" });
  const code = m.body.code.toString();
  const interrupted = new Promise((done) => {
    mine.interrupt = () => done({ interrupted: true });
  });
  const r = await Promise.race([evaluate(m, code), interrupted]);
  if (pending()) await flush();
  const parts = [];
  const cut = [];
  const answer = { op: "result", id: m.id, status: "ok" };
  const add = (name, text, limit) => {
    const [bytes, over] = short(text, limit);
    if (over) cut.push(name);
    parts.push([name, undefined, bytes]);
  };
  if (r.interrupted || r.thrown !== undefined || "thrown" in r || r.syntax) {
    answer.status = "exception";
    if (r.interrupted) answer.interrupted = true;
    const [name, message, traceback] = r.interrupted ? ["Interrupted", "the cell was interrupted", "Interrupted: the cell was interrupted"]
      : r.syntax ? [r.syntax.name, r.syntax.message, r.syntax.traceback] : explain(r.thrown);
    answer.exceptionName = short(name, 256)[0].toString();
    add("message", message, maxValue);
    add("traceback", traceback, maxValue);
  } else if (!m.quiet && r.value !== undefined) {
    try { globalThis._ = r.value; } catch { /* the user's own */ }
    add("value", textOf(r.value), maxValue);
    try {
      const bundle = bundleOf(r.value);
      if (bundle) {
        const [main, over] = partsOf(bundle);
        parts.push(...main);
        if (over) cut.push("mime");
      }
    } catch (e) {
      late("display: ", e);
    }
  }
  if (mine.lost) cut.push("displays");
  if (cut.length) answer.cut = cut;
  const used = process.cpuUsage(mine.began);
  answer.cpuMs = (used.user + used.system) / 1000;
  cell = null;
  input.open = false;
  input.chunks = [];
  send(answer, parts);
  tidy();
}

process.on("exit", (code) => {
  if (!cell) return;
  try {
    send({ op: "result", id: cell.id, status: "exit", last: true, exit: Number(code ?? process.exitCode ?? 0) });
  } catch { /* the server is gone */ }
});
process.on("SIGINT", () => cell?.interrupt());

// The loop. Node tells of bytes by itself. Deno's reads stand in a thread, so one is
// only begun where nobody reads at once. Bun's stream is quicker than its reads, and
// reads ahead: it goes where a cell takes input, before any is sent.
let reading = false;
let wanted = null;

function pump() {
  while (queue.length) {
    if (queue[0].op === "run" && cell) return;
    const m = queue.shift();
    if (m.op === "run") run(m).then(pump, (e) => {
      late("kernel: ", e);
      exit(70);
    });
    else if (m.op === "input") give(m.body.data);
    else if (m.op === "eof") endInput();
  }
  if (!cell) wanted?.();
}

async function listen() {
  if (engine === "node") {
    const { Socket } = host.require("node:net");
    new Socket({ fd: 3, readable: true, writable: false })
      .on("data", (bytes) => {
        feed(bytes);
        pump();
      })
      .on("close", () => exit(0));
    return;
  }
  setInterval(() => {}, 1 << 30); // a cell may wait for what nobody does
  if (engine === "bun") {
    const reader = Bun.file(heard).stream().getReader();
    while (!queue.some((m) => m.stdin === "open")) {
      pump();
      const { value, done } = await reader.read();
      if (done) exit(0);
      feed(Buffer.from(value.buffer, value.byteOffset, value.length));
    }
    await reader.cancel();
    pump();
  }
  const file = engine === "deno" ? await Deno.open("/dev/fd/" + from) : null;
  const read = file ? (p) => file.read(p) : (p) => new Promise((done, fail) => {
    fs.read(from, p, 0, p.length, null, (e, n) => e ? fail(e) : done(n));
  });
  for (;;) {
    if (cell && !input.waiting) {
      await new Promise((done) => {
        wanted = done;
      });
      wanted = null;
    }
    const some = Buffer.allocUnsafe(64 << 10);
    reading = true;
    const n = await read(some);
    reading = false;
    if (!n) exit(0);
    feed(some.subarray(0, n));
    pump();
  }
}

// Nothing of the first cell is to be made while it waits.
(async () => {
  try { await evaluate({ cell: 0, quiet: false, timeoutMs: 1000 }, "({ a: 1 })"); } catch { /* it is only to be warm */ }
  textOf({ a: [1, "x"] });
  explain(new Error("x"));
  send({ op: "ready", versions: engine === "node" ? { node: process.versions.node } : engine === "bun" ? { bun: Bun.version } : { deno: Deno.version.deno } });
  await listen();
})();
//# sourceURL=codebeaker-kernel
