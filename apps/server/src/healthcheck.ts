// Whether the server of this container is ready, for HEALTHCHECK: ends with 0 or 1. It runs every ten seconds, so it loads nothing but Node.
import { readFileSync } from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import process from "node:process"

const {
  HOST,
  MALL_ROLES = "api",
  PORT = "8080",
  TLS_CERT_FILE,
  TLS_CLIENT_CA_FILE,
  TLS_CLIENT_CERT = TLS_CLIENT_CA_FILE === undefined ? "off" : "required",
  TLS_KEY_FILE,
  WORKER_PORT
} = process.env

const onlyWorks = MALL_ROLES.includes("worker") && !MALL_ROLES.includes("api")
const everywhere: ReadonlyArray<string | undefined> = [undefined, "0.0.0.0", "::"]
const address = {
  host: everywhere.includes(HOST) ? "127.0.0.1" : HOST,
  port: onlyWorks ? WORKER_PORT : PORT,
  path: "/readyz",
  timeout: 2000
}
const tell = ({ statusCode }: http.IncomingMessage) => process.exit(statusCode === 200 ? 0 : 1)

/** A certificate names the host that others call, which this is not. Where callers need one, the server's own is shown. */
const ask = () =>
  TLS_CERT_FILE === undefined
    ? http.get(address, tell)
    : https.get(
        {
          ...address,
          rejectUnauthorized: false,
          ...(TLS_CLIENT_CERT === "required" && TLS_KEY_FILE !== undefined
            ? { cert: readFileSync(TLS_CERT_FILE), key: readFileSync(TLS_KEY_FILE) }
            : {})
        },
        tell
      )

const request = ask()
request.on("timeout", () => request.destroy(new Error("no answer in time")))
request.on("error", ({ message }) => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
})
