// What programs do of the kernel's things on Bun.
import { expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { mkdtempSync, watch, writeFileSync } from 'node:fs'

const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11])

test('compiled and generated code', async () => {
	const { instance } = await WebAssembly.instantiate(wasm)
	expect((instance.exports.f as () => number)()).toBe(42)
	let sum = 0
	for (let i = 0; i < 1e6; i++) sum += i % 7
	expect(sum).toBe(2999997)
})

test('workers', async () => {
	const shared = new SharedArrayBuffer(4)
	const url = URL.createObjectURL(new Blob(['onmessage = (e) => { Atomics.add(new Int32Array(e.data), 0, 5); postMessage(0) }']))
	const worker = new Worker(url)
	const done = new Promise((resolve, reject) => { worker.onmessage = resolve; worker.onerror = reject })
	worker.postMessage(shared)
	await done
	worker.terminate()
	expect(new Int32Array(shared)[0]).toBe(5)
})

test('processes, files, servers', async () => {
	expect(await new Response(Bun.spawn(['sh', '-c', 'echo out']).stdout).text()).toBe('out\n')
	const dir = mkdtempSync('/tmp/work-')
	const changed = new Promise((resolve) => watch(dir, resolve))
	writeFileSync(dir + '/a', 'a')
	await changed
	await Bun.write(dir + '/b', Bun.file(dir + '/a'))
	const db = new Database(dir + '/db')
	expect(db.query('select 6*7 as n').get()).toEqual({ n: 42 })
	const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('hello') })
	expect(await (await fetch(server.url)).text()).toBe('hello')
	server.stop(true)
})
