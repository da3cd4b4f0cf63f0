// What programs do of the kernel's things on Deno.
const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11])

function same(got: unknown, want: unknown) {
	if (got !== want) throw new Error(`${got}, not ${want}`)
}

Deno.test('compiled and generated code', async () => {
	const { instance } = await WebAssembly.instantiate(wasm)
	same((instance.exports.f as () => number)(), 42)
	let sum = 0
	for (let i = 0; i < 1e6; i++) sum += i % 7
	same(sum, 2999997)
})

Deno.test('workers', async () => {
	const shared = new SharedArrayBuffer(4)
	const text = 'onmessage = (e) => { Atomics.add(new Int32Array(e.data), 0, 5); postMessage(0) }'
	const worker = new Worker('data:application/javascript,' + encodeURIComponent(text), { type: 'module' })
	const done = new Promise((resolve, reject) => { worker.onmessage = resolve; worker.onerror = reject })
	worker.postMessage(shared)
	await done
	worker.terminate()
	same(new Int32Array(shared)[0], 5)
})

Deno.test('processes, files, servers', async () => {
	const { stdout } = await new Deno.Command('sh', { args: ['-c', 'echo out'] }).output()
	same(new TextDecoder().decode(stdout), 'out\n')
	const dir = await Deno.makeTempDir()
	const watcher = Deno.watchFs(dir)
	await Deno.writeTextFile(dir + '/a', 'a')
	for await (const _ of watcher) break
	await Deno.copyFile(dir + '/a', dir + '/b')
	const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, () => new Response('hello'))
	same(await (await fetch(`http://127.0.0.1:${server.addr.port}`)).text(), 'hello')
	await server.shutdown()
})
