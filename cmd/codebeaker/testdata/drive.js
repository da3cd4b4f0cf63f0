// Sends each line of standard input as a message to the WebSocket URL that is
// its argument, and prints each message that comes as a line. It ends with the
// connection, whose close code it prints, or with its input.
const readline = require("node:readline");
const WebSocket = require("ws");

const socket = new WebSocket(process.argv[2]);
socket.on("message", (data) => console.log(JSON.stringify(JSON.parse(data))));
socket.on("close", (code) => {
  console.log(JSON.stringify({ closed: code }));
  process.exit(0);
});
socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
socket.on("open", () => {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => socket.send(line));
  lines.on("close", () => socket.close());
});
