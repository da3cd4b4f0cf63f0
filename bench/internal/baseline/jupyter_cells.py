import logging
import sys

from jupyter_client.manager import KernelManager

logging.disable(logging.WARNING)


def start():
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(extra_arguments=["--log-level=ERROR"])
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    return manager, client


def stop(manager, client):
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code):
    request, value = client.execute(code), ""
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "execute_result":
            value = content["data"]["text/plain"]
        elif kind == "error":
            value = content["ename"]
        elif kind == "status" and content["execution_state"] == "idle":
            return value


manager, client = start()
try:
    for line in sys.stdin:
        if line == "restart\n":
            stop(manager, client)
            manager, client = start()
            print(flush=True)
        else:
            print(run(client, line.rstrip("\n")), flush=True)
finally:
    stop(manager, client)
