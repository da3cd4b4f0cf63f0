"""Sends each line of standard input as a message to the WebSocket URL that is
its argument, and prints each message that comes as a line. It ends with the
connection, whose close code it prints, or with its input."""

import asyncio
import json
import sys

import websockets


async def receive(ws):
    try:
        while True:
            print(json.dumps(json.loads(await ws.recv())), flush=True)
    except websockets.ConnectionClosed as closed:
        print(json.dumps({"closed": closed.rcvd.code if closed.rcvd else None}), flush=True)


async def main(url):
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=64 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with websockets.connect(url) as ws:  # with its own limit, 1 MiB
        receiving = asyncio.create_task(receive(ws))
        while not receiving.done():
            line = asyncio.create_task(reader.readline())
            await asyncio.wait({line, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if not line.done():
                line.cancel()
                break
            if not line.result():
                break
            await ws.send(line.result().decode().rstrip("\n"))
        if receiving.done():
            return
        await ws.close()
        await receiving


asyncio.run(main(sys.argv[1]))
