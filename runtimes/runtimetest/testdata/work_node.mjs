// What programs in JavaScript do of the kernel's things on Node; prints "worked".
import assert from 'node:assert'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import inspector from 'node:inspector'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import vm from 'node:vm'
import zlib from 'node:zlib'
import { Worker } from 'node:worker_threads'

// A module that exports f() = 42.
const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11])
const { instance } = await WebAssembly.instantiate(wasm)
assert.equal(instance.exports.f(), 42)

const session = new inspector.Session()
session.connect()
const post = (method) => new Promise((resolve, reject) => session.post(method, (e, r) => e ? reject(e) : resolve(r)))
await post('Profiler.enable')
await post('Profiler.start')

const shared = new SharedArrayBuffer(4)
const worker = new Worker("const {workerData} = require('node:worker_threads'); Atomics.add(new Int32Array(workerData), 0, 5)", { eval: true, workerData: shared })
await once(worker, 'exit')
assert.equal(new Int32Array(shared)[0], 5)

let sum = 0
for (let i = 0; i < 1e6; i++) sum += i % 7 // compiled meanwhile
assert.equal(sum, 2999997)
assert.equal(vm.runInNewContext('6*7'), 42)
assert.equal(execFileSync('sh', ['-c', 'echo out']).toString(), 'out\n')
assert.equal(zlib.gunzipSync(zlib.gzipSync('text')).toString(), 'text')

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'work-'))
const watched = once(fs.watch(dir), 'change')
await new Promise((resolve) => setTimeout(resolve, 50))
fs.writeFileSync(path.join(dir, 'a'), 'a')
await watched
fs.copyFileSync(path.join(dir, 'a'), path.join(dir, 'b'))

const server = net.createServer((s) => s.end('hello')).listen(path.join(dir, 'socket'))
await once(server, 'listening')
const [data] = await once(net.connect(path.join(dir, 'socket')), 'data')
assert.equal(data.toString(), 'hello')
server.close()

const { profile } = await post('Profiler.stop')
assert(profile.nodes.length > 0)
console.log('worked')
process.exit(0)
