import { execFile, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { promisify } from "node:util"
import { hammer } from "./load.ts"
import { startServer } from "./server.ts"
import { demoPassword } from "./shop.ts"

/**
 * Verification of a token over TLS, by the command of the source documents: `wrk -t4 -c100` with the token in the header, at the
 * address that it names. Where `wrk` is not on the PATH, as many connections of our own load generator.
 * `node bench/verifyTls.ts --seconds 30`
 */
const given = process.argv.indexOf("--seconds")
const seconds = given < 0 ? 10 : Number(process.argv[given + 1])
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall-tls-"))
const [certFile, keyFile] = [path.join(folder, "cert.pem"), path.join(folder, "key.pem")]
const made = spawnSync("openssl", [
  ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"],
  ...["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", keyFile, "-out", certFile]
])
if (made.status !== 0) throw new Error("openssl made no certificate")
fs.chmodSync(folder, 0o755)

// of this process's own load only: the certificate is a second old and nobody's
process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0"
const server = await startServer({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile })
const hasWrk = spawnSync("wrk", ["-v"]).error === undefined
try {
  const login = await fetch(`${server.api}/api/v1/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "buyer@demo.mall", password: demoPassword })
  })
  const { accessToken }: any = await login.json()
  const authorization = `Bearer ${accessToken}`
  const url = `${server.api}/api/user/verify-access-token/`
  if (hasWrk) {
    const load = ["-t4", "-c100", `-d${seconds}s`, "--latency", "-H", `Authorization: ${authorization}`, url]
    console.log((await promisify(execFile)("wrk", load)).stdout)
  } else {
    await hammer({ url, headers: { authorization }, connections: 100, seconds: 2 })
    const { errors, p50, p99, perSecond } = await hammer({ url, headers: { authorization }, connections: 100, seconds })
    console.log(
      `autocannon, 100 connections: ${perSecond.toFixed(0)}/s, p50 ${p50} ms, p99 ${p99} ms, ${errors} errors`
    )
  }
} finally {
  await server.stop()
  fs.rmSync(folder, { recursive: true, force: true })
}
