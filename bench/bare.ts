import * as http from "node:http"
import * as process from "node:process"

// The limit that HTTP figures are held against: node:http answering fixed bytes and doing nothing else.
const body = Buffer.from(process.argv[2] ?? "{}")
const server = http.createServer((_request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length })
  response.end(body)
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send?.({ port: typeof address === "object" && address !== null ? address.port : 0 })
})
