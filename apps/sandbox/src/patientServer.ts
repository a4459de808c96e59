import { createServer } from "node:http"

/**
 * A server that says "not yet", and when to ask again, for as long as nobody else answers its requests: its port is open
 * before the channels have read their files, and whoever calls then would wait for ever.
 */
export const patientServer = () => {
  const server = createServer()
  server.on("request", (_, response) => {
    if (server.listenerCount("request") > 1) return
    response.writeHead(503, { "retry-after": "1", "content-length": "0", connection: "close" }).end()
  })
  return server
}
